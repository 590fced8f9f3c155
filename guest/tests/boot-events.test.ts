import { createHash, webcrypto } from 'node:crypto';
import { authenticodeDigest, gptEventData, rtmr1Events, rtmr2Events } from '../src';
import { extendAll } from '../src/measure/registers';
import { combinedInitrd, commandLine, parseUki } from '../src/measure/uki';
import { peFile } from './support/pe';

const small = () =>
    peFile([
        { name: '.text', data: Buffer.alloc(700, 0x90) },
        { name: '.data', data: Buffer.from('some data') },
    ]);
const kernel = peFile([{ name: '.text', data: Buffer.from('a kernel') }]);
const sections = {
    '.osrel': Buffer.from('ID=debian\n'),
    '.cmdline': Buffer.from(' console=ttyS0\troothash=ab \n\0'),
    '.linux': kernel,
    '.initrd': Buffer.from('an initrd'),
    '.uname': Buffer.from('6.12.0'),
};
const image = (parts: Record<string, Buffer> = sections) =>
    peFile(Object.entries(parts).map(([name, data]) => ({ name, data })));

/** SHA-384 by another library than the code under test. */
async function digest(...parts: Uint8Array[]): Promise<string> {
    return Buffer.from(await webcrypto.subtle.digest('SHA-384', Buffer.concat(parts))).toString('hex');
}

describe('The digest of an EFI program', () => {
    it('is what pesign and osslsigncode say', () => {
        // pesign --hash --digest_type=sha256 --in small.efi
        expect(authenticodeDigest(small(), 'sha256').toString('hex')).toBe(
            '4d7dd28a2b48b04255dffdb397d11e0269d281d7250b80287ce9690450e87266',
        );
        // osslsigncode sign -h sha384 ... && osslsigncode verify: "Calculated message digest"
        expect(authenticodeDigest(small()).toString('hex')).toBe(
            'd27d37ab240ea1f4bc03a1221d184811979a5436b8fdac2f7a7ca27f157e5c40a9b5384b18444ef1ff42812d39b3b29b',
        );
    });

    it('leaves out checksum and signatures, and nothing else', () => {
        const parts = [{ name: '.text', data: Buffer.alloc(700, 0x90) }];
        const plain = authenticodeDigest(peFile(parts));
        expect(authenticodeDigest(peFile(parts, Buffer.alloc(64, 7)))).toEqual(plain);
        const checksum = peFile(parts);
        checksum.writeUInt32LE(1, 88 + 64);
        expect(authenticodeDigest(checksum)).toEqual(plain);
        const behind = Buffer.concat([peFile(parts), Buffer.from('what follows the last section')]);
        expect(authenticodeDigest(behind)).not.toEqual(plain);
        const changed = peFile(parts);
        changed[600] ^= 1;
        expect(authenticodeDigest(changed)).not.toEqual(plain);
    });

    it('is refused for anything else', () => {
        expect(() => authenticodeDigest(Buffer.from('MZ'))).toThrow(/^This is no EFI program: it has no PE header/);
        expect(() => authenticodeDigest(small().subarray(0, 600))).toThrow(/ends behind the end of the file/);
    });
});

describe('RTMR2 of an image', () => {
    it('holds each section as systemd-stub measures it, then command line and initrd as Linux does', async () => {
        const events = rtmr2Events(image());
        const order = ['.linux', '.osrel', '.cmdline', '.initrd', '.uname'] as const;
        const expected = [];
        for (const name of order) {
            expected.push(await digest(Buffer.from(`${name}\0`)), await digest(sections[name]));
        }
        expected.push(
            await digest(Buffer.from('console=ttyS0 roothash=ab\0', 'utf16le')),
            await digest(combinedInitrd(parseUki(image()))),
        );
        expect(events.map((event) => event.digest.toString('hex'))).toEqual(expected);
        let register: Uint8Array = new Uint8Array(48);
        for (const each of expected) {
            register = Buffer.from(await digest(register, Buffer.from(each, 'hex')), 'hex');
        }
        expect(extendAll(events.map((event) => event.digest))).toEqual(register);
    });

    it('has an initrd of aligned parts: the one of the image, then an archive with os-release', () => {
        const initrd = combinedInitrd(parseUki(image()));
        expect(initrd.subarray(0, 12)).toEqual(Buffer.from('an initrd\0\0\0'));
        const archive = initrd.subarray(12);
        const entries = archive.toString('latin1').split('070701').slice(1);
        expect(entries.map((entry) => entry.slice(104).replace(/\0+/g, ' ').trim())).toEqual([
            '.extra',
            '.extra/os-release ID=debian',
            'TRAILER!!!',
        ]);
        expect(archive.length % 4).toBe(0);
        // Upper case in systemd-stub's sources, where all other digits are lower case.
        expect(archive.toString('latin1')).toMatch(/0000000B00000000TRAILER!!!\0{4}$/);
        expect(
            combinedInitrd(
                parseUki(image({ '.linux': kernel, '.cmdline': Buffer.from('a'), '.initrd': Buffer.from('x') })),
            ),
        ).toEqual(Buffer.from('x'));
    });

    it('has the command line without white space around it', () => {
        expect(commandLine(parseUki(image()))).toBe('console=ttyS0 roothash=ab');
    });

    it('is refused for an image with a choice of sections', () => {
        const twice = peFile(
            [...Object.entries(sections), ['.cmdline', Buffer.from('init=/bin/sh')] as const].map(([name, data]) => ({
                name,
                data,
            })),
        );
        expect(() => rtmr2Events(twice)).toThrow(/has two sections \.cmdline/);
        expect(() => rtmr2Events(small())).toThrow(/has no section \.linux/);
    });
});

describe('RTMR1 of an image', () => {
    const disk = Buffer.alloc(64 * 512);
    disk.write('EFI PART', 512, 'latin1');
    disk.writeBigUInt64LE(2n, 512 + 72);
    disk.writeUInt32LE(128, 512 + 80);
    disk.writeUInt32LE(128, 512 + 84);
    disk.fill(0xaa, 1024, 1024 + 128);
    disk.fill(0xbb, 1024 + 256, 1024 + 384);

    it('holds what the firmware does from the boot option to the end of its services', () => {
        const plain = (text: string | Buffer) => createHash('sha384').update(text).digest();
        expect(rtmr1Events(image(), disk).map((event) => event.digest)).toEqual([
            plain('Calling EFI Application from Boot Option'),
            plain(Buffer.alloc(4)),
            plain(gptEventData(disk)),
            authenticodeDigest(image()),
            authenticodeDigest(kernel),
            plain('Exit Boot Services Invocation'),
            plain('Exit Boot Services Returned with Success'),
        ]);
    });

    it('has of the partition table the header, the number of partitions, and those that are there', () => {
        const data = gptEventData(disk);
        expect(data.length).toBe(92 + 8 + 2 * 128);
        expect(data.readBigUInt64LE(92)).toBe(2n);
        expect(data[100]).toBe(0xaa);
        expect(data[228]).toBe(0xbb);
        expect(() => gptEventData(Buffer.alloc(4096))).toThrow(/no GUID partition table/);
        expect(() => gptEventData(disk.subarray(0, 2048))).toThrow(/ends inside its partition table/);
    });
});
