/** `npm run fuzz -- --frames 1000000 [--seed S]`: exit 1 when anything is found. */
import { parseArgs } from 'node:util';
import { fuzz } from './fuzz.ts';

const { values } = parseArgs({
  options: { frames: { type: 'string', default: '100000' }, seed: { type: 'string' } },
});
const seed = Number(values.seed ?? process.env['FASTCHAT_SEED'] ?? Date.now() % 1_000_000);
const print = (line: string): void => void process.stdout.write(`${line}\n`);
print(`seed ${seed}`);
const { fed, seconds, busySeconds, exchanged, byTarget, findings } = await fuzz({
  seed,
  frames: Number(values.frames),
  onProgress: (at) =>
    print(
      `${at.fed} frames, ${at.exchanged} honest messages, heap ${Math.round(at.heapBytes / 2 ** 20)} MiB`,
    ),
});
for (const [name, count] of Object.entries(byTarget)) print(`  ${name}: ${count}`);
for (const finding of findings.slice(0, 20)) print(`FOUND ${finding}`);
print(
  `${fed} frames in ${seconds.toFixed(1)} s, ${Math.round(fed / seconds)} a second, ` +
    `${Math.round(fed / busySeconds)} a second of processor time; ` +
    `${exchanged} honest messages, ${findings.length} findings; seed ${seed} repeats this`,
);
process.exitCode = findings.length === 0 ? 0 : 1;
