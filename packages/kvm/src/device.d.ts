import type { Device, DeviceAccess, DeviceAccessResult, DeviceAction, DeviceViolation, Errno, ProcessHandle, Routine, TranslationView } from '@mmu-notifier/plugin-api';
import type { KvmShared } from './vm.ts';
export declare class KvmDevice implements Device {
    readonly actions: Readonly<Record<string, DeviceAction>>;
    private readonly shared;
    private detached;
    constructor(shared: KvmShared);
    /**
     * Creates the VM of `process`, bound to the address space that it has now. Registers last: a callback may come before
     * `register` has returned, and finds a whole VM.
     *
     * @sleeps May. Errors: `ENODEV`, `ESRCH`, `EEXIST`, those of the memslots, `EINTR` and `ENOMEM` of `register`.
     */
    open(process: ProcessHandle, options?: unknown): Routine<Errno | undefined>;
    /** @sleeps On a miss. `EIO`: no VM, or the process has another address space than the VM. */
    access(request: DeviceAccess): Routine<DeviceAccessResult>;
    /** Destroys the VM of `process`; its pins, if any, go with it. @sleeps May. */
    close(process: ProcessHandle): Routine<void>;
    detach(): Routine<void>;
    translations(): Iterable<TranslationView>;
    invariants(): Iterable<DeviceViolation>;
    /** `kvm_destroy_vm` @sleeps May: waits for callbacks, faults and a memslot update. */
    private destroy;
}
