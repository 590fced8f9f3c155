import { GuestError } from '../errors';
import { BootEvent, rtmr1Events, rtmr2Events } from './boot-events';
import { LogEvent, parseEventLog, replay } from './event-log';
import { Register, Registers } from './expected';
import { mrtd, PageOrder } from './mrtd';
import { extendAll, RegisterBytes, sha384 } from './registers';
import { parseTdvf, sectionData, SectionType } from './tdvf';

/** Files that a measurement follows from; each may be missing, and takes its registers with it. */
export type Artefacts = {
    /** Firmware of the TDs, whole. */
    firmware?: Buffer;
    pageOrder: PageOrder;
    /** The unified kernel image. */
    uki?: Buffer;
    /** The disk image, or at least its partition table. */
    disk?: Buffer;
    /** Event log of a guest that runs the image. */
    eventLog?: Buffer;
};

/** A measurement with what there is to say about it. */
export type Measured = { registers: Registers; notes: string[] };

/**
 * @returns each register as far as the files tell. What can be computed is computed, also when there is a log; a log that
 * says otherwise is named in the notes, down to the first event that differs.
 * @throws {GuestError} when a file is not what it should be.
 */
export function measure({ firmware, pageOrder, uki, disk, eventLog }: Artefacts): Measured {
    const log = eventLog === undefined ? null : parseEventLog(eventLog);
    const replayed = log === null ? null : replay(log);
    const notes: string[] = [];
    const fromEvents = (index: 1 | 2, events: BootEvent[] | null): Register => {
        if (events === null) {
            return fromLog(replayed?.[index]);
        }
        const value = extendAll(events.map(({ digest }) => digest));
        if (log !== null && replayed !== null && !value.equals(replayed[index])) {
            notes.push(`RTMR${index} of the log is another one: ${firstDifference(events, eventsOf(log, index))}`);
        }
        return { value, origin: 'computed' };
    };
    const registers: Registers = {
        mrtd: firmware === undefined ? fromLog(undefined) : { value: mrtd(firmware, pageOrder), origin: 'computed' },
        rtmr0: fromLog(replayed?.[0]),
        rtmr1: fromEvents(1, uki === undefined || disk === undefined ? null : rtmr1Events(uki, disk)),
        rtmr2: fromEvents(2, uki === undefined ? null : rtmr2Events(uki)),
        // Neither firmware, nor systemd 257, nor Linux 6.12, nor the worker extends it.
        rtmr3: { value: Buffer.alloc(RegisterBytes), origin: 'computed' },
    };
    if (log !== null && eventsOf(log, 3).length > 0) {
        notes.push(
            'RTMR3 of the log is not zeros: something in that guest has extended it, and nothing of the image does.',
        );
    }
    if (log !== null && firmware !== undefined) {
        notes.push(...variablesNote(firmware, eventsOf(log, 0)));
    }
    return { registers, notes };
}

/** @returns a sentence when the log does not show the firmware's own variables: its TD had other ones. */
function variablesNote(firmware: Buffer, events: readonly LogEvent[]): string[] {
    const volume = parseTdvf(firmware).find(({ type }) => type === SectionType.Cfv);
    if (volume === undefined) {
        throw new GuestError('The firmware has no volume for variables: it cannot be the one of a measured boot.');
    }
    const digest = sha384(sectionData(firmware, volume));
    return events.some((event) => event.digest.equals(digest))
        ? []
        : ['RTMR0 of the log does not hold the variables of this firmware file: that guest ran another firmware.'];
}

function eventsOf(log: readonly LogEvent[], index: number): LogEvent[] {
    return log.filter(({ rtmr }) => rtmr === index);
}

function firstDifference(expected: readonly BootEvent[], found: readonly LogEvent[]): string {
    const index = expected.findIndex(({ digest }, at) => found[at] === undefined || !found[at].digest.equals(digest));
    if (index === -1) {
        return `after the ${expected.length} events that were expected it has ${found.length - expected.length} more.`;
    }
    return `event ${index + 1} of ${expected.length} should be ${expected[index].what}; it is ${
        found[index] === undefined ? 'missing' : `of type 0x${found[index].type.toString(16)} with another digest`
    }.`;
}

function fromLog(value: Buffer | undefined): Register {
    return value === undefined ? { value: null, origin: 'unknown' } : { value, origin: 'replayed' };
}
