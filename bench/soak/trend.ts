/** Whether a figure grows: a line through its samples. */

export interface Sample {
  readonly seconds: number;
  readonly value: number;
}

export interface Trend {
  readonly mean: number;
  /** What the line gains from the first sample to the last. */
  readonly growth: number;
}

/** The line with the least squares; of fewer than two samples, a flat one. */
export function trendOf(samples: readonly Sample[]): Trend {
  const count = Math.max(1, samples.length);
  const mean = samples.reduce((sum, { value }) => sum + value, 0) / count;
  const middle = samples.reduce((sum, { seconds }) => sum + seconds, 0) / count;
  let above = 0;
  let below = 0;
  for (const { seconds, value } of samples) {
    above += (seconds - middle) * (value - mean);
    below += (seconds - middle) ** 2;
  }
  const first = samples[0]?.seconds ?? 0;
  const last = samples.at(-1)?.seconds ?? 0;
  return { mean, growth: below === 0 ? 0 : (above / below) * (last - first) };
}
