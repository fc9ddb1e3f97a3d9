import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Role } from './role.js';
import type { Telemetry } from './telemetry.js';

/** Answers the status to send; `gone` aborts when the caller no longer waits. */
export type Handler = (gone: AbortSignal) => Promise<number>;

/** A small measured HTTP server that is announced to the demo's control, and leaves in good order. */
export async function serve(role: Role, telemetry: Telemetry, handle: Handler): Promise<void> {
  const server = createServer((request, response) => void measured(request, response));
  const measured = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const from = performance.now();
    const gone = new AbortController();
    request.resume();
    response.once('close', () => gone.abort());
    const status = await handle(gone.signal);
    telemetry.duration.record((performance.now() - from) / 1_000, {
      'http.request.method': 'POST',
      'http.route': '/checkout',
      'http.response.status_code': status,
    });
    if (!response.destroyed) response.writeHead(status).end();
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const call = (path: string): Promise<unknown> =>
    fetch(`${role.control}${path}?instance=${role.instance}&pid=${process.pid}&port=${port}`);
  await call('/register');
  process.once('SIGTERM', () => {
    void call('/leave')
      .catch(() => undefined)
      // Callers learn within a poll that this one is gone; until then it still answers.
      .then(() => new Promise((resolve) => setTimeout(resolve, 600)))
      .then(() => telemetry.shutdown())
      .catch(() => undefined)
      .then(() => process.exit(0));
  });
}
