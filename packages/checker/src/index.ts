/**
 * Runs tasks under every interleaving that matters, and finds the simplest one that breaks a rule.
 * @packageDocumentation
 */
export { audit } from './audit.ts';
export type { AuditOptions, AuditResult, Undeclared } from './audit.ts';
export { check, replaySchedule } from './check.ts';
export type { CheckOptions, CheckProgress, CheckResult, Finding, Search, Verdict } from './check.ts';
export { CHECKPOINT_FORMAT } from './checkpoint.ts';
export type { Checkpoint } from './checkpoint.ts';
export type { Program, RunEnd, Surroundings } from './program.ts';
export { Diverged } from './replay.ts';
export type { TracedStep } from './replay.ts';
export type { Sampling } from './sampler.ts';
export { SCHEDULE_FORMAT } from './schedule.ts';
export type { Schedule } from './schedule.ts';
