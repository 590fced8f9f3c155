import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mrtd, PageOrder, parseTdvf } from '../src';
import { smallFirmware } from './support/firmware';

/** What tests/support/mrtd.py says of the small firmware. */
const Known: Readonly<Record<PageOrder, string>> = {
    page: '5a00c4bd9bc2e6b4ec15fbc9babe8889bd0955a7bb0d3df8719d88b58165651fd37c5a382898a7113d6c4a65b3d111f8',
    section: '787fe2433c142b8e587b9c69e9b3d99cc46e172e1b75aff5841899703d43d7cd32d3f477847fae948edafeff19e216e8',
};
const Orders: PageOrder[] = ['page', 'section'];

describe('MRTD', () => {
    it.each(Orders)('of a firmware is what an independent program computes, added by the %s', (order) => {
        const firmware = smallFirmware();
        expect(mrtd(firmware, order).toString('hex')).toBe(Known[order]);
        if (spawnSync('python3', ['--version']).status !== 0) {
            return; // then the value above, which the same program has computed, must do
        }
        const folder = mkdtempSync(join(tmpdir(), 'mrtd-'));
        try {
            const file = join(folder, 'firmware.fd');
            writeFileSync(file, firmware);
            const script = join(__dirname, 'support', 'mrtd.py');
            expect(execFileSync('python3', [script, file, order], { encoding: 'utf8' }).trim()).toBe(Known[order]);
        } finally {
            rmSync(folder, { recursive: true });
        }
    });

    // ovmf_2025.02-3ubuntu2_all.deb from archive.ubuntu.com, usr/share/ovmf/OVMF.fd; the value is the one that the tests
    // of github.com/virtee/tdx-measure expect of this file.
    const ubuntu = process.env.GUEST_UBUNTU_OVMF;
    (ubuntu === undefined ? it.skip : it)(
        "of Ubuntu's firmware is the one that others publish (GUEST_UBUNTU_OVMF)",
        () => {
            const firmware = readFileSync(ubuntu as string);
            expect(createHash('sha256').update(firmware).digest('hex')).toBe(
                '9e807cb2cd4313406a3aa4becc0836671a5c64ca7bdc08a45e15260184b446bf',
            );
            expect(mrtd(firmware, 'page').toString('hex')).toBe(
                '7357a10d2e2724dffe68813e3cc4cfcde6814d749f2fb62e3953e54f6e0b50a219786afe2cd478f684b52c61837e1114',
            );
        },
    );

    it('depends on measured content, and not on the variables, which RTMR0 holds', () => {
        const changed = (offset: number) => {
            const firmware = smallFirmware();
            firmware[offset] ^= 1;
            return mrtd(firmware, 'page').toString('hex');
        };
        expect(changed(4096)).not.toBe(Known.page);
        expect(changed(0)).toBe(Known.page);
    });

    it('is refused for a file that is no firmware for TDX guests', () => {
        expect(() => parseTdvf(Buffer.alloc(65_536))).toThrow(/^This is no firmware for TDX guests: there is no table/);
        expect(() => parseTdvf(Buffer.alloc(8))).toThrow(/no table of GUIDed entries/);
        const firmware = smallFirmware();
        firmware.write('XXXX', 3 * 4096, 'latin1');
        expect(() => parseTdvf(firmware)).toThrow(/do not begin with a TDVF descriptor/);
        const long = smallFirmware();
        long.writeUInt32LE(6 * 4096, 3 * 4096 + 16 + 4);
        expect(() => mrtd(long, 'page')).toThrow(/does not fit pages or file/);
    });
});
