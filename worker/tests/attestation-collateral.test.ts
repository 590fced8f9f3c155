import { createServer, Server } from 'node:http';
import { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Address, toNano } from '@ton/core';
import { CollateralJson } from '@ton-compute/attestation';
import { TestAuthority, TestFmspc } from '@ton-compute/attestation/testing';
import { AttestationVerifier, CertificateRole, unpackCollateral } from '@ton-compute/contracts';

import { TestNetwork } from './support/network';
import { clockOf, deployVerifier, setAttester } from './support/verifier';

const Seed = 'collateral test';
/** So many entries that a verifier reads the list in several steps. */
const Revoked = 1100;

let network: TestNetwork;
let verifier: Address;
let service: Server;
let url: string;

beforeAll(async () => {
    network = await TestNetwork.create(async (devnet) => {
        const authority = new TestAuthority({ seed: Seed, now: await clockOf(devnet) });
        const revoked = Array.from({ length: Revoked }, (_, index) => BigInt(index + 1) << 100n);
        service = serve(authority.collateral({ pckCrl: { revoked } }));
        await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
        url = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
        verifier = await deployVerifier(devnet, authority.rootKey);
        return verifier;
    });
});
afterAll(async () => {
    await network.close();
    service.closeAllConnections();
    await new Promise((resolve) => service.close(resolve));
});

/** A PCCS with one set of collateral. */
function serve(all: CollateralJson): Server {
    const answers: Record<string, [body: Buffer | string, name?: string, chain?: string]> = {
        '/sgx/certification/v4/rootcacrl': [all.root_ca_crl],
        '/sgx/certification/v4/pckcrl?ca=platform&encoding=der': [
            Buffer.from(all.pck_crl, 'hex'),
            'SGX-PCK-CRL-Issuer-Chain',
            all.pck_crl_issuer_chain,
        ],
        [`/tdx/certification/v4/tcb?fmspc=${TestFmspc}`]: [
            `{"tcbInfo":${all.tcb_info},"signature":"${all.tcb_info_signature}"}`,
            'TCB-Info-Issuer-Chain',
            all.tcb_info_issuer_chain,
        ],
        '/tdx/certification/v4/qe/identity': [
            `{"enclaveIdentity":${all.qe_identity},"signature":"${all.qe_identity_signature}"}`,
            'SGX-Enclave-Identity-Issuer-Chain',
            all.qe_identity_issuer_chain,
        ],
    };
    return createServer((request, response) => {
        const [body, name, chain] = answers[request.url ?? ''] ?? [];
        if (name !== undefined && chain !== undefined) {
            response.setHeader(name, encodeURIComponent(chain));
        }
        response.statusCode = body === undefined ? 404 : 200;
        response.end(body);
    });
}

it('a worker teaches the verifier what it lacks for its machine, long lists included, and is attested', async () => {
    const worker = await network.startWorker({
        provider: { id: network.provider.toRawString(), tier: 'tdx' },
        attestation: { source: 'test', allowTestRoot: true, testSeed: Seed, collateral: url },
    });
    const wallet = Address.parse(worker.stats().attestation!.gasWallet);
    await network.devnet.faucet(wallet, toNano('2'));
    await setAttester(network, wallet);
    for (const end = performance.now() + 60_000; worker.stats().tier !== 'tdx'; await sleep(50)) {
        if (performance.now() > end) {
            throw new Error(`Not attested: ${worker.stats().attestation?.lastError}`);
        }
    }
    const contract = network.client.open(AttestationVerifier.AttestationVerifier.fromAddress(verifier));
    const known = unpackCollateral(await contract.getCollateral());
    expect(known.crls.get(CertificateRole.platformCa)?.revoked).toBe(Revoked);
    expect([...known.tcbInfos.keys()]).toEqual([TestFmspc]);
    expect(await network.devnet.balance(wallet)).toBeGreaterThan(toNano('1'));
    await worker.close();
});
