import type {
  AnomalyPoint,
  ForecastAnswer,
  Health,
  ProcessGroupAnswer,
  ReplicaAdvice,
  SloHistory,
  SloStatus,
  WatchedSeries,
} from '@vigil/contracts';

/** Vigil's own REST, as this page reads it. Undefined stands for what is not there (yet). */
async function get<Answer>(path: string): Promise<Answer | undefined> {
  const answer = await fetch(path, { signal: AbortSignal.timeout(5_000) });
  if (answer.status >= 500) throw new Error(`${path} was answered ${answer.status}`);
  return answer.ok ? ((await answer.json()) as Answer) : undefined;
}

const items = async <Item>(path: string): Promise<Item[]> => (await get<{ items: Item[] }>(path))?.items ?? [];

export type SeriesHead = Pick<WatchedSeries, 'id' | 'watch' | 'labels'>;

export const api = {
  health: () => get<Health>('/health'),
  slos: () => items<SloStatus>('/api/v1/slos'),
  history: (slo: string) => get<SloHistory>(`/api/v1/slos/${encodeURIComponent(slo)}/history?points=180`),
  groups: () => items<ProcessGroupAnswer>('/api/v1/groups'),
  replicas: () => items<ReplicaAdvice>('/api/v1/replicas'),
  series: () => items<SeriesHead>('/api/v1/series'),
  points: async (id: string): Promise<AnomalyPoint[]> =>
    (await get<WatchedSeries>(`/api/v1/series/${id}/points?limit=240`))?.points ?? [],
  forecast: (watch: string) =>
    get<ForecastAnswer>(`/api/v1/forecasts/${encodeURIComponent(watch)}?horizon=60&levels=0.05,0.5,0.95`),
};
