/**
 * The tracks of a trace: tasks under their process, then CPUs, devices, locks and counters in groups of their own. A
 * device or a lock has one track for each task that uses it, all of one name, which Perfetto shows as one: what several
 * tasks do at a time need not nest, what one task does does.
 */
import type { TracedTask } from '@mmu-notifier/core';
import type { PacketWriter, TrackDescription } from './packets.ts';

/** Threads of a process need ids beyond every process id. */
const FIRST_TID = 1_000_000;

export class Tracks {
  private readonly writer: PacketWriter;
  private readonly known = new Map<string, number>();

  constructor(writer: PacketWriter) {
    this.writer = writer;
  }

  /** Of a task: under its process, or under the kernel. */
  task({ id, name, owner }: TracedTask): number {
    return this.find(`task ${id}`, (uuid) => {
      if (owner === undefined) return { uuid, name, parentUuid: this.group('kernel') };
      const pid = Number(owner.name.slice(1));
      const tid = owner.name === name ? pid : FIRST_TID + id;
      return { uuid, parentUuid: this.process(owner.name), thread: { pid, tid, threadName: name } };
    });
  }

  cpu(number: number): number {
    return this.find(`cpu ${number}`, (uuid) => ({ uuid, name: `CPU ${number}`, parentUuid: this.group('CPUs') }));
  }

  device(name: string, task: TracedTask): number {
    return this.find(`device ${name} ${task.id}`, (uuid) => ({ uuid, name, parentUuid: this.group('devices') }));
  }

  lock(name: string, task: TracedTask): number {
    return this.find(`lock ${name} ${task.id}`, (uuid) => ({ uuid, name, parentUuid: this.group('locks') }));
  }

  counter(name: string, unitName: string): number {
    return this.find(`counter ${name}`, (uuid) => ({
      uuid,
      name,
      parentUuid: this.group('memory'),
      counter: { unitName },
    }));
  }

  private process(name: string): number {
    return this.find(`process ${name}`, (uuid) => ({
      uuid,
      process: { pid: Number(name.slice(1)), processName: name },
    }));
  }

  private group(name: string): number {
    return this.find(`group ${name}`, (uuid) => ({ uuid, name }));
  }

  private find(key: string, describe: (uuid: number) => TrackDescription): number {
    let uuid = this.known.get(key);
    if (uuid === undefined) {
      uuid = this.known.size + 1;
      this.known.set(key, uuid);
      this.writer.track(describe(uuid));
    }
    return uuid;
  }
}
