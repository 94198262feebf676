/**
 * Which accesses a device makes instead of the CPU: `numerator` of every `denominator`, evenly spread and the same in
 * every run. Several devices take turns.
 */
import { InputError } from '../errors.ts';
import type { Share } from '../sizes.ts';

/** Index of no device: the CPU does it. */
export const CPU = -1;

export class DeviceTurns {
  private readonly step: number;
  private readonly denominator: number;
  private readonly devices: number;
  private credit = 0;
  private turn = 0;

  /** @param share - The part of the accesses that each device makes. @throws InputError when they are more than all. */
  constructor(share: Share, devices: number) {
    this.step = share.numerator * devices;
    this.denominator = share.denominator;
    this.devices = devices;
    if (this.step > this.denominator) {
      throw new InputError(
        `--device-share: found ${share.numerator}/${share.denominator} for each of ${devices} devices, expected at most 1/${devices}`,
      );
    }
  }

  /** Accesses of the CPU that come before the next one of a device, at most `most`. */
  untilDevice(most: number): number {
    if (this.step === 0) return most;
    return Math.min(most, Math.ceil((this.denominator - this.credit) / this.step) - 1);
  }

  /** The CPU has made `count` accesses in its turns. */
  skip(count: number): void {
    this.credit += count * this.step;
  }

  /** Who makes the next access: the index of a device, or `CPU`. */
  next(): number {
    this.credit += this.step;
    if (this.credit < this.denominator) return CPU;
    this.credit -= this.denominator;
    const device = this.turn;
    this.turn = device + 1 === this.devices ? 0 : device + 1;
    return device;
  }
}
