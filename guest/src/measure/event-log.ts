import { GuestError } from '../errors';
import { extendAll, RegisterBytes } from './registers';

/** An entry of the log that firmware, boot loader and kernel of a guest wrote. */
export type LogEvent = {
    /** Register that the entry says it was extended into: 0 to 3. */
    rtmr: number;
    /** Type of the event, as TCG's "PC Client Platform Firmware Profile" numbers them. */
    type: number;
    /** SHA-384. */
    digest: Buffer;
    /** What the writer says of it. Only its digest is proven, by the register. */
    data: Buffer;
};

const NoAction = 3;
const Sha384Algorithm = 0x000c;
const Sha1Bytes = 20;
/** Behind the last entry the area is filled with ones, or with zeros. */
const Unused = 0xffffffff;
const SpecId = 'Spec ID Event03\0';
/** UEFI's "Confidential Computing" chapter: register 0 of the protocol is MRTD, 1 to 4 are RTMR0 to RTMR3. */
const FirstRtmr = 1;
const RtmrCount = 4;

/**
 * Reads a log of a TDX guest: /sys/firmware/acpi/tables/data/CCEL.
 * @throws {GuestError} when it is none.
 */
export function parseEventLog(log: Buffer): LogEvent[] {
    const reader = new Reader(log);
    const sizes = readSpecId(reader);
    const events: LogEvent[] = [];
    while (!reader.isAtEnd()) {
        const register = reader.uint32();
        const type = reader.uint32();
        const digests = new Map<number, Buffer>();
        const count = reader.uint32();
        for (let index = 0; index < count; index++) {
            const algorithm = reader.uint16();
            const size = sizes.get(algorithm);
            if (size === undefined) {
                throw notALog(
                    `entry ${events.length + 1} has a digest of the unknown kind 0x${algorithm.toString(16)}`,
                );
            }
            digests.set(algorithm, reader.take(size));
        }
        const data = reader.take(reader.uint32());
        if (type === NoAction) {
            continue;
        }
        const digest = digests.get(Sha384Algorithm);
        if (digest === undefined || register < FirstRtmr || register >= FirstRtmr + RtmrCount) {
            throw notALog(`entry ${events.length + 1} is for register ${register}, or has no SHA-384 digest`);
        }
        events.push({ rtmr: register - FirstRtmr, type, digest, data });
    }
    return events;
}

/** @returns RTMR0 to RTMR3 as the log says that they were extended. */
export function replay(events: readonly LogEvent[]): [Buffer, Buffer, Buffer, Buffer] {
    const register = (index: number) =>
        extendAll(events.filter(({ rtmr }) => rtmr === index).map(({ digest }) => digest));
    return [register(0), register(1), register(2), register(3)];
}

/** The first entry, in the old form with a SHA-1 digest, tells which digests the others have. */
function readSpecId(reader: Reader): Map<number, number> {
    reader.uint32();
    if (reader.uint32() !== NoAction) {
        throw notALog('it does not begin with the entry that tells its version');
    }
    reader.take(Sha1Bytes);
    const entry = new Reader(reader.take(reader.uint32()));
    if (entry.take(SpecId.length).toString('latin1') !== SpecId) {
        throw notALog('its version is not 3');
    }
    entry.take(8); // class of the platform, version, size of a UINTN
    const sizes = new Map<number, number>();
    const count = entry.uint32();
    for (let index = 0; index < count; index++) {
        sizes.set(entry.uint16(), entry.uint16());
    }
    if (sizes.get(Sha384Algorithm) !== RegisterBytes) {
        throw notALog('it has no SHA-384 digests');
    }
    return sizes;
}

function notALog(problem: string): GuestError {
    return new GuestError(
        `This is no event log of a TDX guest: ${problem}. Copy /sys/firmware/acpi/tables/data/CCEL from the guest, whole.`,
    );
}

class Reader {
    private position = 0;

    constructor(private readonly bytes: Buffer) {}

    isAtEnd(): boolean {
        const left = this.bytes.length - this.position;
        if (left < 4 || this.bytes.readUInt32LE(this.position) === Unused) {
            return true;
        }
        // No entry of this log has an index, type and count of zero.
        return this.bytes.subarray(this.position, this.position + 12).every((byte) => byte === 0);
    }

    take(length: number): Buffer {
        const end = this.position + length;
        if (end > this.bytes.length) {
            throw notALog(`it ends at ${this.bytes.length} bytes, inside an entry that needs ${end}`);
        }
        const part = this.bytes.subarray(this.position, end);
        this.position = end;
        return part;
    }

    uint16(): number {
        return this.take(2).readUInt16LE(0);
    }

    uint32(): number {
        return this.take(4).readUInt32LE(0);
    }
}
