import { RegisterName } from '../measure/expected';

/** What it says of a guest when a register is not the expected one. */
export const Meaning: Readonly<Record<RegisterName, string>> = {
    mrtd: 'another firmware, or the same one added in another order (--page-order): nothing that it measured is known then',
    rtmr0:
        'other hardware of the virtual machine (memory, processors, devices, ACPI tables), other firmware variables, or ' +
        'Secure Boot: with other ACPI tables its kernel has run other code of the host',
    rtmr1:
        'another kernel image, another partition table, another way to it, such as a boot menu, or a device with an option ROM',
    rtmr2: 'another command line (so another root file system), another initrd, or something beside the image on its ESP',
    rtmr3: 'something has extended it while the guest ran; nothing in this image does',
};
