import { readdirSync } from 'node:fs';

import { Program } from '../support/child';
import { median } from '../support/statistics';

const SampleMilliseconds = 500;
const MiB = 1024 * 1024;
/** What a heap may breathe without being a leak. */
const Allowance = 48 * MiB;
const Growth = 1.15;
/** Open files beside those of the start: connections that the server behind the worker keeps alive. */
const FilesAllowance = 600;

/** Watches memory and open files of a worker. */
export class MemoryWatch {
    private readonly samples: number[] = [];
    private readonly timer: NodeJS.Timeout;
    private readonly filesBefore: number;

    constructor(private readonly worker: Program) {
        this.filesBefore = this.files();
        this.timer = setInterval(() => this.samples.push(worker.residentBytes), SampleMilliseconds).unref();
    }

    line(): string {
        const last = this.samples.at(-1) ?? this.worker.residentBytes;
        return `${Math.round(last / MiB)} MiB resident, ${this.files()} open files`;
    }

    /** Ends the watch. @returns what grew. */
    faults(): string[] {
        clearInterval(this.timer);
        const fifth = Math.floor(this.samples.length / 5);
        if (fifth === 0) {
            return ['The run was too short to watch its memory.'];
        }
        const early = median(this.samples.slice(fifth, 2 * fifth));
        const late = median(this.samples.slice(-fifth));
        const faults: string[] = [];
        if (late > early * Growth + Allowance) {
            faults.push(`Memory grew from ${Math.round(early / MiB)} to ${Math.round(late / MiB)} MiB.`);
        }
        if (this.files() > this.filesBefore + FilesAllowance) {
            faults.push(`${this.filesBefore} files were open before, ${this.files()} after.`);
        }
        return faults;
    }

    private files(): number {
        return readdirSync(`/proc/${this.worker.pid}/fd`).length;
    }
}
