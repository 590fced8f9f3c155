import { GuestError } from '../errors';
import { aligned, extraArchive } from './cpio';
import { parsePe, sectionContent } from './pe';

/** The parts of a unified kernel image by the name of their PE section, such as `.linux`. */
export type Uki = ReadonlyMap<string, Buffer>;

/** Sections that systemd-stub 257 measures, in its order (`unified_sections` in its sources). */
const Measured = [
    '.linux',
    '.osrel',
    '.cmdline',
    '.initrd',
    '.ucode',
    '.splash',
    '.dtb',
    '.uname',
    '.sbat',
    '.pcrpkey',
    '.profile',
    '.dtbauto',
    '.hwids',
] as const;

/** Sections that the stub hands to Linux as files of `.extra`, in the order in which it appends them. */
const Extra = [
    ['.pcrsig', 'tpm2-pcr-signature.json'],
    ['.pcrpkey', 'tpm2-pcr-public-key.pem'],
    ['.osrel', 'os-release'],
    ['.profile', 'profile'],
] as const;

/** @throws {GuestError} when the file is no unified kernel image, or has several profiles to choose from. */
export function parseUki(file: Buffer): Uki {
    const uki = new Map<string, Buffer>();
    for (const section of parsePe(file).sections) {
        if (section.virtualSize === 0) {
            continue;
        }
        if (uki.has(section.name)) {
            throw new GuestError(
                `The unified kernel image has two sections ${section.name}. Expected one of each: which one is used would be ` +
                    'the choice of whoever starts it.',
            );
        }
        uki.set(section.name, sectionContent(file, section));
    }
    for (const name of ['.linux', '.cmdline', '.initrd']) {
        if (!uki.has(name)) {
            throw new GuestError(
                `The unified kernel image has no section ${name}. Pass the .efi file that mkosi writes.`,
            );
        }
    }
    return uki;
}

/** @returns name and content of each section that the stub measures, as it measures them: the name with its zero. */
export function measuredSections(uki: Uki): { name: string; data: Buffer }[] {
    return Measured.flatMap((name) => {
        const content = uki.get(name);
        return content === undefined
            ? []
            : [
                  { name, data: Buffer.from(`${name}\0`, 'latin1') },
                  { name, data: content },
              ];
    });
}

/** @returns the command line of the kernel, as text: without white space at its ends, inner control characters as spaces. */
export function commandLine(uki: Uki): string {
    const text = content(uki, '.cmdline').toString('utf8');
    const end = text.indexOf('\0');
    // What the stub takes for white space: anything up to the space, nothing beyond it.
    return (end === -1 ? text : text.slice(0, end)).replace(/[\0-\x20]/g, ' ').replace(/^ +| +$/g, '');
}

/** @returns what Linux gets, and measures, as its initrd when the stub adds nothing but its own: each part aligned. */
export function combinedInitrd(uki: Uki): Buffer {
    const parts = [uki.get('.ucode'), content(uki, '.initrd')];
    for (const [section, name] of Extra) {
        const data = uki.get(section);
        parts.push(data && extraArchive(name, data));
    }
    const present = parts.filter((part) => part !== undefined);
    return present.length === 1 ? present[0] : Buffer.concat(present.map(aligned));
}

/** @returns a section that every image has. */
export function content(uki: Uki, name: '.linux' | '.cmdline' | '.initrd'): Buffer {
    return uki.get(name) as Buffer;
}
