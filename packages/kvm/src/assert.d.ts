/** Rules of this driver's own code. Breaking one is a bug in it, not something that a guest or a process can do. */
/** The current task must hold `lock`. */
export declare function assertHeld(lock: {
    readonly held: boolean;
}, name: string): void;
