import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { Address } from '@ton/core';
import { measurementOf, parseCollateral, parseQuote } from '@ton-compute/attestation';
import { TestAuthority } from '@ton-compute/attestation/testing';
import { crlBuilderDeployment, platformKeyDeployment } from '@ton-compute/contracts';

/** Seed of the authority that stands in for Intel in the demonstration. */
export const TestSeed = 'demonstration';

/** What a network with Intel's root would get from Intel, and the machine from its maker. */
export class TestRoot {
    private readonly collateral;

    /** @param now unix seconds of the network. */
    constructor(now: number) {
        this.collateral = new TestAuthority({ seed: TestSeed, now }).collateral();
    }

    /** Root key as deployVerifier takes it. */
    get rootKey(): string {
        const { x, y } = new TestAuthority({ seed: TestSeed }).rootKey;
        return [x, y].map((part) => part.toString(16).padStart(64, '0')).join('');
    }

    async writeCollateral(path: string): Promise<string> {
        await writeFile(path, JSON.stringify(this.collateral));
        return path;
    }

    /** Measurement of the image that the worker's machine claims to run, hexadecimal. */
    get measurement(): string {
        return measurementOf(this.quote).toString('hex');
    }

    /** Accounts that the attestation of this machine brings about, by name. */
    async accounts(verifier: Address): Promise<[string, Address][]> {
        const { rootCrl, pckCrl } = parseCollateral(this.collateral);
        const certificate = this.quote.certificates[0].signed;
        return [
            ['AttestationVerifier', verifier],
            ['PlatformKey', (await platformKeyDeployment(verifier, sha256(certificate))).address],
            ['CrlBuilder (root)', (await crlBuilderDeployment(verifier, sha256(rootCrl.signed))).address],
            ['CrlBuilder (PCK)', (await crlBuilderDeployment(verifier, sha256(pckCrl.signed))).address],
        ];
    }

    private get quote() {
        return parseQuote(new TestAuthority({ seed: TestSeed }).platform().quote());
    }
}

function sha256(bytes: Buffer): Buffer {
    return createHash('sha256').update(bytes).digest();
}
