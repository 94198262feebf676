/**
 * Recordings and scripts of memory activity, as one event language.
 *
 * @packageDocumentation
 */
export { isReference, processNumber } from './event.ts';
export type {
  AccessEvent,
  Actor,
  Advice,
  BrkEvent,
  DeviceActor,
  EventBase,
  ExitEvent,
  MachineActor,
  MadviseEvent,
  MmapEvent,
  MmapFlag,
  MmEvent,
  MprotectEvent,
  MremapEvent,
  MremapFlag,
  MsyncEvent,
  MsyncFlag,
  Operand,
  PlainProcessEvent,
  ProcessActor,
  ProcessEvent,
  Protection,
  RangeEvent,
  Reference,
  StoreEvent,
} from './event.ts';
export type {
  ActionEvent,
  AttachEvent,
  DetachEvent,
  DeviceEvent,
  DeviceLoadEvent,
  DeviceStoreEvent,
  FileEvent,
  JsonValue,
  MachineEvent,
  MigrateEvent,
  OomEvent,
  PageWorkEvent,
  PlainMachineEvent,
  ReclaimEvent,
  SyncEvent,
  TranslationsEvent,
  TruncateEvent,
  WriteEvent,
} from './machine-event.ts';
export type {
  BytesValue,
  ErrnoValue,
  NumberValue,
  ProcessValue,
  RecordedValue,
  SignalValue,
  WordsValue,
} from './value.ts';
export type { Comparison, Condition, ConditionVerdict, ExpectedViolation, ReferenceValue, Verdict } from './verdict.ts';
export { AccessKind } from './event-sink.ts';
export type {
  AccessBatch,
  EventOrigin,
  EventSink,
  RecordedAging,
  RecordedFault,
  RecordedInvalidation,
} from './event-sink.ts';
export type { Compression, ImageInfo, Progress, Recording, RecordingFormat, RecordingSummary } from './recording.ts';
export { TraceError } from './trace-error.ts';
export type { TraceErrorCode, TraceErrorFields } from './trace-error.ts';
export { detectCompression } from './compression/detect.ts';
export type { LayoutSegment } from './lackey/layout.ts';
export type { MapsArea, RecordedMaps } from './maps/parse-maps.ts';
export { openRecording } from './open-recording.ts';
export type { ForkInfo } from './recording.ts';
export { parseScript } from './script/parse-script.ts';
export type { ParseScriptOptions, Script } from './script/parse-script.ts';
export { printAccess, printEvent } from './script/print-event.ts';
export { printScript, printVerdict } from './script/print-script.ts';
export { TruthCounter } from './truth/truth-counter.ts';
export type { EventCount, FinalLayoutTruth, ForkTruth, ImageTruth, TruthReport } from './truth/truth-report.ts';
export { measure } from './measure/measure.ts';
export type { Measurement } from './measure/measure.ts';
