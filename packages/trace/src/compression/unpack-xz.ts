/** xz, by `xz-decompress`: xz-embedded as WebAssembly, which checks CRC32 and CRC64 and needs no native build. */
import { ReadableStream } from 'node:stream/web';
import * as xzDecompress from 'xz-decompress';

interface XzModule {
  readonly XzReadableStream: new (packed: ReadableStream<Uint8Array>) => AsyncIterable<Uint8Array>;
}

/** The package is CommonJS in one bundle: Node's ESM loader sees only its default export. */
function xzModule(): XzModule {
  const namespace = xzDecompress as unknown as Partial<XzModule> & { readonly default?: XzModule };
  return namespace.XzReadableStream === undefined ? (namespace.default as XzModule) : (namespace as XzModule);
}

/** Unpacks one or more xz streams behind each other. */
export async function* unpackXz(packed: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  const iterator = packed[Symbol.asyncIterator]();
  const source = new ReadableStream<Uint8Array>({
    async pull(controller): Promise<void> {
      const next = await iterator.next();
      if (next.done === true) controller.close();
      else controller.enqueue(next.value);
    },
    async cancel(): Promise<void> {
      await iterator.return?.();
    },
  });
  const { XzReadableStream } = xzModule();
  yield* new XzReadableStream(source);
}
