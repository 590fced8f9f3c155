import { Address } from '@ton/core';
import {
    AttestationVerifier,
    catalogDeployment,
    MeasurementCatalog,
    P256Key,
    SessionAgreement,
    Tier,
    tcbStatusName,
    acceptsTcbStatus,
    trusts,
    unpackCatalog,
    verifierDeployment,
} from '@ton-compute/contracts';
import { Chain } from './chain/chain';
import { ProviderInfo } from './chain/providers';
import { ClientError } from './errors';
import { Logger } from './log';
import { CheckedPolicy, refuseProvider } from './policy';

/** What an attestation rests on: Intel's root, or one that proves nothing about hardware. */
export type RootKind = 'production' | 'test';

/** Decides with get-methods alone whether the attestation of a provider is one that the policy accepts. */
export class AttestationTrust {
    private readonly warned = new Set<string>();

    constructor(private readonly log: Logger) {}

    /**
     * @returns why the provider is not acceptable, or null.
     * @throws ClientError when the chain does not answer, or a catalog of the policy is none.
     */
    async refuse(chain: Chain, policy: CheckedPolicy, provider: ProviderInfo): Promise<string | null> {
        if (policy.leastTier === 'open') {
            return null;
        }
        const refusal = refuseProvider({ ...policy, measurements: null }, provider, chain.now());
        if (refusal !== null) {
            return refusal;
        }
        const root = await rootOf(chain, provider.verifier);
        if (typeof root !== 'string') {
            return root.refusal;
        }
        if (root === 'test') {
            const verifier = provider.verifier!.toString();
            if (!policy.allowTestRoot) {
                const intel = (await verifierDeployment()).address.toString();
                return (
                    `its network's verifier ${verifier} trusts a TEST ROOT, which proves nothing about hardware; the ` +
                    `verifier of Intel's root is ${intel}. Only on a development network: policy.allowTestRoot`
                );
            }
            this.warnOnce(verifier);
        }
        const measurements = await acceptedMeasurements(chain, policy);
        return refuseProvider({ ...policy, measurements }, provider, chain.now());
    }

    private warnOnce(verifier: string): void {
        if (!this.warned.has(verifier)) {
            this.warned.add(verifier);
            this.log.warn(
                { verifier },
                'TEST ROOT: the verifier does not trust Intel. Tier tdx proves NOTHING about hardware here; it is ' +
                    'accepted because policy.allowTestRoot says so.',
            );
        }
    }
}

/**
 * @returns the root of a verifier; its address follows from code and root key, so both are proven. Or why it is none.
 * @throws ClientError when the chain does not answer.
 */
export async function rootOf(chain: Chain, verifier: Address | null): Promise<RootKind | { refusal: string }> {
    if (verifier === null) {
        return { refusal: 'its network has no verifier, so nothing in it can be attested' };
    }
    if ((await verifierDeployment()).address.equals(verifier)) {
        return 'production';
    }
    const unproven = { refusal: `${verifier.toString()}, which its network calls its verifier, is not proven to be one` };
    if ((await chain.account(verifier)).status !== 'active') {
        return unproven;
    }
    let root: P256Key;
    try {
        root = await chain.open(AttestationVerifier.AttestationVerifier.fromAddress(verifier)).getRootKey();
    } catch (error) {
        if (error instanceof ClientError) {
            throw error;
        }
        return unproven; // no such getter
    }
    const { address } = await verifierDeployment({ x: root.x, y: root.y });
    return address.equals(verifier) ? 'test' : unproven;
}

/** @returns the measurements of list and catalogs, hexadecimal; null: any. @throws ClientError for a catalog that is none. */
async function acceptedMeasurements(chain: Chain, policy: CheckedPolicy): Promise<readonly string[] | null> {
    if (policy.catalogs.length === 0) {
        return policy.measurements;
    }
    const listed = new Set(policy.measurements ?? []);
    for (const address of policy.catalogs) {
        const account = await chain.account(address);
        const data =
            account.status !== 'active'
                ? null
                : await chain
                      .open(MeasurementCatalog.MeasurementCatalog.fromAddress(address))
                      .getCatalogData()
                      .catch((error: unknown) => {
                          if (error instanceof ClientError) {
                              throw error;
                          }
                          return null;
                      });
        const catalog = data === null ? null : unpackCatalog(data);
        const proven =
            catalog !== null &&
            (await catalogDeployment(catalog.curator, catalog.salt, catalog.delay)).address.equals(address);
        if (!proven) {
            throw new ClientError(
                'invalid_option',
                `policy.catalogs: ${address.toString()} is no MeasurementCatalog of this version (the account is ` +
                    `${account.status}). Check the address and the network.`,
            );
        }
        catalog.measurements
            .filter(({ measurement }) => trusts(catalog, measurement, chain.now()))
            .forEach(({ measurement }) => listed.add(measurement.toString('hex')));
    }
    return [...listed];
}

/**
 * @param terms of an open session.
 * @param workerKey that the session was confirmed with.
 * @param now unix seconds.
 * @returns why requests must not be sealed to the provider's key in tier tdx, or null. The chain shows a key as attested
 * only while the record holds, and only together with the worker key of the same quote.
 */
export function refuseKeys(terms: SessionAgreement, workerKey: Buffer, provider: ProviderInfo, now: number): string | null {
    if (terms.leastTier !== Tier.Tdx) {
        return null;
    }
    if (provider.tier !== Tier.Tdx || provider.attestedUntil <= now) {
        return 'its attestation has ended, so nobody vouches for the key that requests would be sealed to';
    }
    if (!provider.workerKey.equals(workerKey)) {
        return (
            `its machine was booted anew: the session was confirmed with worker key ${workerKey.toString('hex')}, ` +
            `attested now is ${provider.workerKey.toString('hex')}`
        );
    }
    if (!acceptsTcbStatus(terms.acceptedTcbStatuses, provider.tcbStatus)) {
        return `its TCB status is ${tcbStatusName(provider.tcbStatus)} now, which the session does not accept`;
    }
    if (terms.measurement !== null && !terms.measurement.equals(provider.measurement)) {
        return `it runs image ${provider.measurement.toString('hex')} now, the session demands another`;
    }
    return null;
}
