import { createServer, type IncomingMessage } from 'node:http';

export interface HttpTarget {
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/** A small HTTP server of a test: `answer` gets each request with its body and gives the text of a 200. */
export async function httpTarget(answer: (request: IncomingMessage, body: string) => string): Promise<HttpTarget> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' });
      response.end(answer(request, Buffer.concat(chunks).toString()));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
