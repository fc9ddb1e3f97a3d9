import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

/** What models run on, and why on that. */
export interface TensorBackend {
  readonly backend: 'tfjs-node' | 'wasm' | 'cpu' | 'none';
  readonly reason: string;
}

/** A trained network: rows of numbers in, rows of numbers out. */
export interface TensorModel {
  predict(values: Float32Array, rows: number): Promise<Float32Array>;
}

/** Runs trained models. Everything else goes on where it cannot. */
export abstract class Tensor {
  /** Starts on first use. Never rejects: backend `none` tells why nothing runs. */
  abstract backend(): Promise<TensorBackend>;
  /** @param folder holds model.json and its weights. */
  abstract load(folder: string, width: number): Promise<TensorModel>;
  abstract close(): Promise<void>;
}

interface Answer {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: string;
}

const here = dirname(fileURLToPath(import.meta.url));

/** TensorFlow.js in a worker thread (tensor-worker.cjs): its loading takes no time from the event loop. */
export class TensorWorker extends Tensor {
  #worker: Worker | undefined;
  #backend: Promise<TensorBackend> | undefined;
  readonly #waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #lastId = 0;
  #ended: Error | undefined;

  /** @param script other than the usual one, for tests. */
  constructor(private readonly script = join(here, 'tensor-worker.cjs')) {
    super();
  }

  override backend(): Promise<TensorBackend> {
    return (this.#backend ??= this.#start().catch((error: unknown) => ({
      backend: 'none',
      reason: (error as Error).message,
    })));
  }

  override async load(folder: string, width: number): Promise<TensorModel> {
    const { backend, reason } = await this.backend();
    if (backend === 'none') throw new Error(reason);
    const model = await this.#ask({ folder });
    return {
      predict: (values, rows) => this.#ask({ input: { model, rows, width, values } }) as Promise<Float32Array>,
    };
  }

  override async close(): Promise<void> {
    this.#end(new Error('closed'));
    await this.#worker?.terminate();
  }

  #start(): Promise<TensorBackend> {
    const started = this.#answer(0) as Promise<TensorBackend>;
    const worker = new Worker(this.script);
    this.#worker = worker;
    worker.unref();
    worker.on('message', ({ id, value, error }: Answer) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(value);
      else waiting?.reject(new Error(error));
    });
    worker.on('error', (error) => this.#end(error));
    worker.on('exit', (code) => this.#end(new Error(`the tensor worker ended with ${code}`)));
    return started;
  }

  #ask(request: object): Promise<unknown> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = ++this.#lastId;
    const answer = this.#answer(id);
    this.#worker?.postMessage({ id, ...request });
    return answer;
  }

  #answer(id: number): Promise<unknown> {
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
  }

  #end(error: Error): void {
    this.#ended ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
