/** Every scenario, in the order of the report: those about one rule together. */
import type { Scenario } from '../scenario.ts';
import { changes } from './changes.ts';
import { data } from './data.ts';
import { fork } from './fork.ts';
import { life } from './life.ts';
import { windows } from './windows.ts';

const ALL = [...changes, ...fork, ...windows, ...life, ...data];
const GROUPS = [...new Set(ALL.map(({ group }) => group))];

export const SCENARIOS: readonly Scenario[] = GROUPS.flatMap((group) => ALL.filter((one) => one.group === group));
