import { gptEventData } from './gpt';
import { authenticodeDigest } from './pe';
import { sha384 } from './registers';
import { combinedInitrd, commandLine, content, measuredSections, parseUki } from './uki';

/** One extension of a register: what it stands for, and its SHA-384. */
export type BootEvent = { what: string; digest: Buffer };

const Separator = Buffer.alloc(4);

/**
 * What goes into RTMR1 when the firmware (edk2, OvmfPkg/Tcg/TdTcg2Dxe) starts the image from the disk as
 * \EFI\BOOT\BOOTX64.EFI at the first try: no boot manager between, no other program before, no device with an option ROM
 * (QEMU: romfile=), which the firmware would measure here, too.
 * @param uki the unified kernel image.
 * @param disk the raw disk image, or at least its partition table.
 * @throws {GuestError}
 */
export function rtmr1Events(uki: Buffer, disk: Buffer): BootEvent[] {
    return [
        text('Calling EFI Application from Boot Option'),
        { what: 'separator', digest: sha384(Separator) },
        { what: 'partition table of the boot disk', digest: sha384(gptEventData(disk)) },
        { what: 'unified kernel image (Authenticode)', digest: authenticodeDigest(uki) },
        { what: 'kernel in it (Authenticode)', digest: authenticodeDigest(content(parseUki(uki), '.linux')) },
        text('Exit Boot Services Invocation'),
        text('Exit Boot Services Returned with Success'),
    ];
}

/**
 * What goes into RTMR2: systemd-stub 257 measures the sections of the image (TPM's PCR 11), Linux 6.9 and later its
 * command line and initrd (PCR 9); the firmware maps PCRs 8 to 15 to this register. Credentials, extensions and addons
 * beside the image would add events: the image's ESP has none, and a guest with some has another RTMR2.
 * @throws {GuestError}
 */
export function rtmr2Events(uki: Buffer): BootEvent[] {
    const parts = parseUki(uki);
    return [
        ...measuredSections(parts).map(({ name, data }, index) => ({
            what: index % 2 === 0 ? `name of section ${name}` : `section ${name}`,
            digest: sha384(data),
        })),
        { what: 'command line of Linux', digest: sha384(Buffer.from(`${commandLine(parts)}\0`, 'utf16le')) },
        { what: 'initrd of Linux', digest: sha384(combinedInitrd(parts)) },
    ];
}

function text(action: string): BootEvent {
    return { what: `"${action}"`, digest: sha384(Buffer.from(action, 'latin1')) };
}
