/** The audio thread's globals, as far as the worklets use them: TypeScript's DOM library leaves them out. */

declare abstract class AudioWorkletProcessor {
  readonly port: MessagePort;
  abstract process(inputs: Float32Array[][], outputs: Float32Array[][]): boolean;
}

declare function registerProcessor(
  name: string,
  processor: new (options: { processorOptions: unknown }) => AudioWorkletProcessor,
): void;

declare const sampleRate: number;
declare const currentTime: number;
