import { createHash } from 'node:crypto';
import { PayloadTag, SigningDomain, Voucher } from '@ton-compute/contracts';

/**
 * Hash of the voucher payload, the same as `voucherPayload(domain, voucher).hash()`, in a tenth of the time. The
 * payload is one ordinary cell without references, so its hash is SHA-256 over two descriptor bytes and its bits (TVM,
 * section 3.1.4), and the header is the same for all vouchers of a session. tests/voucher-hash.test.ts holds the two
 * equal.
 */
export class VoucherHasher {
    private readonly header: string;

    constructor(domain: SigningDomain) {
        const header = Buffer.alloc(HeaderBytes);
        header.writeUInt32BE(PayloadTag.Voucher, 0);
        header.writeInt32BE(domain.globalId, 4);
        header.writeInt8(domain.contract.workChain, 8);
        header.set(domain.contract.hash, 9);
        header.writeBigUInt64BE(domain.openedLt, 41);
        this.header = header.toString('hex');
    }

    /** @returns 32 bytes. */
    hash(voucher: Voucher): Buffer {
        // Coins: four bits of length in bytes, then the bytes. After them everything is shifted by half a byte, which
        // hexadecimal digits do by themselves; the last one is the completion tag 1000.
        const digits = voucher.cumulative === 0n ? '' : voucher.cumulative.toString(16);
        const coins = digits.padStart(digits.length + (digits.length % 2), '0');
        const bytes = coins.length / 2;
        const hash = voucher.receiptHash.toString(16).padStart(64, '0');
        const size = HeaderBytes + bytes + 32;
        const descriptors = '00' + (2 * size + 1).toString(16).padStart(2, '0');
        const bits = `${descriptors}${this.header}${bytes.toString(16)}${coins}${hash}8`;
        return createHash('sha256').update(bits, 'hex').digest();
    }
}

const HeaderBytes = 49;
