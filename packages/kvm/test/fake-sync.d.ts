/**
 * A scheduler for tests that decide themselves who runs: every visible step announces itself by a label, and a task is
 * stepped by hand or driven to a label. Locks and queues really block, so a lost wake-up is a task that never goes on.
 */
import type { PreemptionPoint, Routine, SyncService } from '@mmu-notifier/plugin-api';
/** One routine under way. */
export declare class FakeTask<T = unknown> {
    readonly name: string;
    done: boolean;
    result: T | undefined;
    /** What it does next. */
    at: string;
    blocked: (() => boolean) | undefined;
    spinlocks: number;
    private readonly routine;
    private readonly sched;
    constructor(sched: FakeScheduler, name: string, routine: Routine<T>);
    get runnable(): boolean;
    step(): void;
    /** Runs until the next step is one whose label contains `text`. */
    runTo(text: string): this;
    /** Runs while it can. */
    runWhileRunnable(): this;
    finish(): T;
}
export declare class FakeScheduler {
    current: FakeTask | undefined;
    /** `srcu.synchronize` and other sleeps are refused while this is set. */
    private readonly labels;
    private readonly ids;
    point(label: string): PreemptionPoint;
    label(point: PreemptionPoint): string;
    task<T>(name: string, routine: Routine<T>): FakeTask<T>;
    run<T>(routine: Routine<T>): T;
    mightSleep(what: string): void;
    block(label: string, blocked: () => boolean): Routine<void>;
}
/** The services that this driver uses; another one throws. */
export declare function fakeSync(sched: FakeScheduler): SyncService;
