import { webcrypto } from 'node:crypto';
import { imageHash, measure, mrtd, parseEventLog, readExpected, replay, rtmr2Events, writeExpected } from '../src';
import { eventLog, Written } from './support/event-log';
import { smallFirmware } from './support/firmware';
import { peFile } from './support/pe';

const uki = peFile([
    { name: '.cmdline', data: Buffer.from('roothash=ab') },
    { name: '.linux', data: peFile([{ name: '.text', data: Buffer.from('a kernel') }]) },
    { name: '.initrd', data: Buffer.from('an initrd') },
]);
const Variables = smallFirmware().subarray(0, 4096);
const Action = 0x80000007;
const firmwareEvents: Written[] = [
    { rtmr: 0, type: 0x8000000b, data: Buffer.from('what the host says of the memory') },
    { rtmr: 0, type: 0x8000000a, data: Variables },
    { rtmr: 1, type: Action, data: Buffer.from('Calling EFI Application from Boot Option') },
];
/** An event log of a guest that has started the image: what the firmware did, then stub and kernel. */
const imageEvents: Written[] = rtmr2Events(uki).map(({ what, digest }) => ({
    rtmr: 2,
    type: 0xd,
    data: Buffer.from(what),
    digest,
}));

async function extend(digests: Uint8Array[]): Promise<string> {
    let register: Uint8Array = new Uint8Array(48);
    for (const each of digests) {
        register = new Uint8Array(await webcrypto.subtle.digest('SHA-384', Buffer.concat([register, each])));
    }
    return Buffer.from(register).toString('hex');
}

async function sha384(data: Buffer): Promise<Uint8Array> {
    return new Uint8Array(await webcrypto.subtle.digest('SHA-384', data));
}

describe('An event log', () => {
    it('replays to what each register was extended with', async () => {
        const registers = replay(parseEventLog(eventLog(firmwareEvents)));
        const of = (rtmr: number) =>
            Promise.all(firmwareEvents.filter((event) => event.rtmr === rtmr).map(({ data }) => sha384(data)));
        expect(registers.map((register) => register.toString('hex'))).toEqual([
            await extend(await of(0)),
            await extend(await of(1)),
            '00'.repeat(48),
            '00'.repeat(48),
        ]);
    });

    it('ends where ones or zeros begin, and may fill its area to the last byte', () => {
        const full = eventLog(firmwareEvents, 0);
        for (const log of [full, eventLog(firmwareEvents), Buffer.concat([full, Buffer.alloc(64)])]) {
            expect(parseEventLog(log)).toHaveLength(3);
        }
    });

    it('does not count entries that extend nothing', () => {
        const note = { rtmr: 0, type: 3, data: Buffer.from('a note') };
        expect(parseEventLog(eventLog([note, ...firmwareEvents]))).toEqual(parseEventLog(eventLog(firmwareEvents)));
    });

    it('is refused when it is none, ends inside an entry, or names a register that there is not', () => {
        const log = eventLog(firmwareEvents, 0);
        expect(() => parseEventLog(Buffer.alloc(64))).toThrow(
            /^This is no event log of a TDX guest: it does not begin with/,
        );
        expect(() => parseEventLog(log.subarray(0, log.length - 1))).toThrow(/inside an entry/);
        expect(() => parseEventLog(eventLog([{ rtmr: -1, type: 1, data: Buffer.alloc(1) }]))).toThrow(
            /entry 1 is for register 0/,
        );
        expect(() => parseEventLog(eventLog([{ rtmr: 4, type: 1, data: Buffer.alloc(1) }]))).toThrow(
            /entry 1 is for register 5/,
        );
    });
});

describe('A measurement', () => {
    const all = { firmware: smallFirmware(), uki, pageOrder: 'page' as const };

    it('says of each register whether it was computed, replayed or is not known', () => {
        const origins = (artefacts: Parameters<typeof measure>[0]) =>
            Object.values(measure(artefacts).registers).map(({ origin }) => origin);
        expect(origins(all)).toEqual(['computed', 'unknown', 'unknown', 'computed', 'computed']);
        expect(origins({ pageOrder: 'page' })).toEqual(['unknown', 'unknown', 'unknown', 'unknown', 'computed']);
        const eventLogOfGuest = eventLog([...firmwareEvents, ...imageEvents]);
        expect(origins({ ...all, eventLog: eventLogOfGuest })).toEqual([
            'computed',
            'replayed',
            'replayed',
            'computed',
            'computed',
        ]);
    });

    it('is the hash that the contracts compute, of the five registers, and none while one is unknown', async () => {
        const { registers, notes } = measure({ ...all, eventLog: eventLog([...firmwareEvents, ...imageEvents]) });
        expect(notes).toEqual([]);
        expect(registers.mrtd.value).toEqual(mrtd(smallFirmware(), 'page'));
        const five = Buffer.concat(Object.values(registers).map(({ value }) => value as Buffer));
        expect(five).toHaveLength(240);
        expect(imageHash(registers)).toEqual(Buffer.from(await webcrypto.subtle.digest('SHA-256', five)));
        expect(imageHash(measure(all).registers)).toBeNull();
    });

    it('keeps what was computed when a log says otherwise, and names the first event that differs', () => {
        const other = [...imageEvents];
        other[3] = { ...other[3], digest: Buffer.alloc(48, 9) };
        const { registers, notes } = measure({ ...all, eventLog: eventLog([...firmwareEvents, ...other]) });
        expect(registers.rtmr2).toEqual(measure(all).registers.rtmr2);
        expect(notes).toEqual([
            'RTMR2 of the log is another one: event 4 of 8 should be section .cmdline; it is of type 0xd with another digest.',
        ]);
        const more = { rtmr: 2, type: 0xd, data: Buffer.from('a credential beside the image') };
        expect(measure({ ...all, eventLog: eventLog([...firmwareEvents, ...imageEvents, more]) }).notes[0]).toMatch(
            /after the 8 events that were expected it has 1 more/,
        );
    });

    it('notes a log of another firmware, and one of a guest that extended RTMR3', () => {
        const [first, , third] = firmwareEvents;
        expect(measure({ ...all, eventLog: eventLog([first, third, ...imageEvents]) }).notes).toEqual([
            expect.stringMatching(/does not hold the variables of this firmware file/),
        ]);
        const own = { rtmr: 3, type: 1, data: Buffer.from('something') };
        expect(measure({ ...all, eventLog: eventLog([...firmwareEvents, ...imageEvents, own]) }).notes).toEqual([
            expect.stringMatching(/^RTMR3 of the log is not zeros/),
        ]);
    });
});

describe('A file with the expected measurement', () => {
    const { registers } = measure({
        firmware: smallFirmware(),
        uki,
        pageOrder: 'page',
        eventLog: eventLog([...firmwareEvents, ...imageEvents]),
    });

    it('is read as it was written, unknown registers too', () => {
        expect(readExpected(writeExpected(registers))).toEqual(registers);
        const partial = measure({ uki, pageOrder: 'page' }).registers;
        expect(readExpected(writeExpected(partial))).toEqual(partial);
    });

    it('is refused when it was changed by hand', () => {
        const text = writeExpected(registers);
        const value = registers.rtmr1.value!.toString('hex');
        expect(() => readExpected(text.replace(value, `${'0'.repeat(8)}${value.slice(8)}`))).toThrow(
            /not that of its registers/,
        );
        expect(() => readExpected(text.replace(value, 'abc'))).toThrow(/rtmr1 is no register of 48 bytes/);
        expect(() => readExpected('{}')).toThrow(/its format is not/);
        expect(() => readExpected('not JSON')).toThrow(/it is no JSON/);
    });
});
