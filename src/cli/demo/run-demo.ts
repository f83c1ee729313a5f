/** `fastchat demo`: three nodes and, on a terminal, a chat with a bot; without one, a tour that checks itself. */
import { parseUserId } from '../../protocol/ids.ts';
import type { CommandContext } from '../command.ts';
import { isInteractive } from '../prompt.ts';
import { ECHO, startEchoBot } from './echo-bot.ts';
import { Stage } from './stage.ts';
import { runTour } from './tour.ts';

const YOU = parseUserId('@you');
const PASSWORD = 'only for the demo';

async function introduce(context: CommandContext, stage: Stage): Promise<void> {
  const { out } = context;
  for (const { ready } of stage.cluster.nodes)
    out.note(`${ready.node} runs as process ${ready.pid}; look at it: ${ready.http}/cluster`);
  const { owner, shard } = await stage.where(YOU);
  out.note(`you are @you; your mailbox is shard ${shard}, kept by ${owner}`);
  out.note(`@echo is a bot with keys of its own: write to it`);
  out.note(
    `try: kill -9 a node while you write; /group create #team @echo; /help; Ctrl+C twice leaves`,
  );
}

async function converse(context: CommandContext): Promise<number> {
  const { out } = context;
  out.note('starting three nodes …');
  const stage = await Stage.open(context, []);
  try {
    const echo = await stage.client(ECHO, 'echo');
    await echo.register(PASSWORD);
    await echo.login(PASSWORD);
    const bot = startEchoBot(stage, echo, (text) => out.note(`@echo cannot answer: ${text}`));
    const you = await stage.client(YOU, 'you');
    await you.register(PASSWORD);
    await stage.leave(you);
    await introduce(context, stage);
    const { main } = await import('../main.ts');
    const { url } = stage.cluster;
    const argv = [
      'chat',
      ECHO,
      '--linear',
      '-u',
      YOU,
      '--home',
      stage.homeOf('you'),
      '--server',
      url,
    ];
    const code = await main(argv, context.io, context.ports);
    bot.stop();
    return code;
  } finally {
    out.note('stopping the nodes …');
    await stage.close();
  }
}

export function runDemo(context: CommandContext): Promise<number> {
  return isInteractive(context.io) ? converse(context) : runTour(context);
}
