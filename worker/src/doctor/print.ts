import { Writable } from 'node:stream';

import { ownCommand } from '../own-command';
import { Finding, FindingStatus } from './finding';

const Marks: Record<FindingStatus, string> = { ok: 'ok', warning: 'WARNING', problem: 'PROBLEM', skipped: '-' };
const Colours: Record<FindingStatus, string> = { ok: '32', warning: '33', problem: '31', skipped: '2' };
const Margin = 9;

/** Numbers of an examination; exit code 1 goes with a problem. */
export type Summary = { problems: number; warnings: number; skipped: number };

export function summaryOf(findings: readonly Finding[]): Summary {
    const count = (wanted: FindingStatus) => findings.filter(({ status }) => status === wanted).length;
    return { problems: count('problem'), warnings: count('warning'), skipped: count('skipped') };
}

/** Shows findings as they come, and between them how far a long check is. */
export class DoctorPrinter {
    private group = '';
    private showing = false;

    /** @param output where to; colours and progress only on a terminal. */
    constructor(private readonly output: Writable & { isTTY?: boolean }) {}

    finding({ status, check, found, expected, next }: Finding, group: string): void {
        this.clear();
        if (group !== this.group) {
            this.line(`${this.group === '' ? '' : '\n'}${group}`);
            this.group = group;
        }
        this.line(`${this.colour(Marks[status].padEnd(Margin), Colours[status])}${check}: ${found}`);
        if (expected !== undefined) {
            this.line(`${' '.repeat(Margin)}expected: ${expected}`);
        }
        if (next !== undefined) {
            this.line(`${' '.repeat(Margin)}next: ${next}`);
        }
    }

    progress(text: string): void {
        if (this.output.isTTY === true) {
            this.clear();
            this.output.write(`${' '.repeat(Margin)}${text} ...`);
            this.showing = true;
        }
    }

    summary({ problems, warnings, skipped }: Summary, file: string | undefined): void {
        this.clear();
        const plural = (count: number, what: string) => `${count} ${what}${count === 1 ? '' : 's'}`;
        const counts = `${plural(problems, 'problem')}, ${plural(warnings, 'warning')}, ${skipped} not checked.`;
        this.line(`\n${counts} ${problems === 0 ? `This host is ready: ${ownCommand('run', file)}` : 'Put the problems right first.'}`);
    }

    private clear(): void {
        if (this.showing) {
            this.output.write('\r\x1b[K');
            this.showing = false;
        }
    }

    private line(text: string): void {
        this.output.write(`${text}\n`);
    }

    private colour(text: string, code: string): string {
        return this.output.isTTY === true && process.env.NO_COLOR === undefined ? `\x1b[${code}m${text}\x1b[0m` : text;
    }
}
