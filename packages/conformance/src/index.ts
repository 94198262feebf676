/**
 * Whether a secondary-MMU driver keeps the contract: each race of the field explored, each declared trait held against
 * what the driver does.
 * @packageDocumentation
 */
export { conform, conformScenario, scenarioNames } from './conform.ts';
export type { ConformOptions, ConformProgress, ConformanceReport, ScenarioResult } from './conform.ts';
export { conformanceTable } from './report.ts';
export { conformance } from './suite.ts';
export type { TestFramework } from './suite.ts';
export type { TraitRow } from './traits.ts';
