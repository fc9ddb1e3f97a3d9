/** One configuration for every series. Frozen: {@link detectorVersion} changes with every number here. */
export const detectorConfig = Object.freeze({
  /** Values before the first judgement, and deviations that a channel must know before it calls one rare. */
  warmPoints: 60,
  /** Values that medians are taken over. */
  window: 300,
  /** Half-lives of the slow and of the fast running mean, in points. */
  slowHalfLife: 1_000,
  fastHalfLife: 5,
  /** Half-life of what is remembered of deviations, in points. */
  memoryHalfLife: 20_000,
  /** Share of the largest deviations that the tail is fitted to. */
  tailShare: 0.02,
  /** Mean log excess of a tail before evidence, and the weight of that belief in deviations. */
  tailPrior: 0.3,
  tailPriorWeight: 3,
  /** At which each family of channels alarms by itself. */
  misfitAlarm: 2.55,
  shiftAlarm: 2.5,
  spikeAlarm: 13.5,
  /** Beyond so many robust deviations a spike is not the more surprising for being larger. */
  spikeMax: 30,
  /** Power that keeps slow channels from ranking high below their alarm. */
  noveltyPower: 16,
  /** After an alarm nothing is scored for eight hours, between these numbers of points. */
  quietMs: 8 * 3_600_000,
  quietPointsMin: 6,
  quietPointsMax: 96,
  /** Points for which the band stays as it was when values leave it; then the new level is normal. */
  holdPoints: 120,
  /** Points in a row inside the band that end an anomaly. */
  homePoints: 5,
  /** Points in a row outside the band that make an episode, be it news to the series or not. */
  persistPoints: 4,
  /** The band's half-width: robust deviations of the predictor that errs least, or so many times its large errors. */
  bandWidth: 5,
  bandTail: 1.5,
  bandQuantile: 0.98,
  /** A silence of so many usual intervals makes the short memory start anew. */
  gapIntervals: 60,
  /** Points after such a silence that are not judged. */
  gapPoints: 8,
  /** Rows in a row from the past after which the clock is believed to have been set back. */
  backwardRows: 8,
  /** Deviations below this share of the series' range are rounding. */
  rounding: 1e-7,
});

/** Score from which a value is an anomaly. */
export const anomalyThreshold = 1;

/** Changes whenever a number above or the method does. */
export const detectorVersion = 'streaming-1';
