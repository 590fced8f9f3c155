import { OperatorConfigError } from './operator-config';

/** Size of a configuration disk, bytes: a whole number of sectors, read at once. */
export const ConfigDiskBytes = 65_536;

/**
 * A configuration disk is text and zeros, without a file system: the guest mounts nothing that its host wrote.
 * @throws {OperatorConfigError} when the text does not fit.
 */
export function encodeConfigDisk(text: string): Buffer {
    const content = Buffer.from(text, 'utf8');
    if (content.length > ConfigDiskBytes || content.includes(0)) {
        throw new OperatorConfigError(
            `The configuration has ${content.length} bytes. Expected at most ${ConfigDiskBytes}, none of them zero.`,
        );
    }
    return Buffer.concat([content, Buffer.alloc(ConfigDiskBytes - content.length)]);
}

/** @returns the text of a configuration disk. @throws {OperatorConfigError} when something follows the zeros. */
export function decodeConfigDisk(disk: Buffer): string {
    const end = disk.indexOf(0);
    if (end === -1) {
        return disk.toString('utf8');
    }
    if (disk.subarray(end).some((byte) => byte !== 0)) {
        throw new OperatorConfigError(
            'The configuration disk holds more than one text. Expected JSON and then zeros: write it anew with ' +
                'guest:config.',
        );
    }
    return disk.subarray(0, end).toString('utf8');
}
