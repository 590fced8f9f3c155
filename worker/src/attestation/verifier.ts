import { Address } from '@ton/core';
import { CaType } from '@ton-compute/attestation';
import {
    AttestationVerifier,
    codeHashOf,
    CollateralParts,
    collateralParts,
    IntelRootKey,
    P256Key,
    unpackCollateral,
    verifierDeployment,
} from '@ton-compute/contracts';

import { Chain } from '../chain/chain';
import { ProviderRecord } from '../chain/provider-record';
import { StartError } from '../errors';

/** What a network's attestation rests on: Intel's root, or one that proves nothing about hardware. */
export type RootKind = 'production' | 'test';

/** What everyone has to know who meets a test root. */
export const TestRootWarning =
    "TEST ROOT: this network's verifier does not trust Intel, so tier tdx proves NOTHING about hardware here.";

/** The verifier of the network, proven to be one. */
export class NetworkVerifier {
    private constructor(
        private readonly chain: Chain,
        readonly address: Address,
        readonly rootKey: P256Key,
    ) {}

    /**
     * Reads the verifier that a provider's registry named. Its address follows from code and root key, so both are proven.
     * @param allowTestRoot whether another root than Intel's will do.
     * @throws {StartError} when there is none, or one that must not be trusted.
     */
    static async open(chain: Chain, provider: ProviderRecord, allowTestRoot: boolean): Promise<NetworkVerifier> {
        const { verifier } = provider;
        if (verifier === null) {
            throw new StartError(
                `The registry ${provider.registry.toString()} of this provider has no verifier: it has only tier open. ` +
                    "Set provider.tier to 'open', or register with a network that has one.",
            );
        }
        const name = verifier.toString();
        const { code } = await chain.account(verifier);
        if (code === null || !code.hash().equals(await codeHashOf('AttestationVerifier'))) {
            throw new StartError(
                `What the registry names as its verifier, ${name}, is ${code === null ? 'not deployed' : 'none of this version'}. ` +
                    'Expected an AttestationVerifier; `npx blueprint run deployVerifier` deploys it.',
            );
        }
        const contract = chain.open(AttestationVerifier.AttestationVerifier.fromAddress(verifier));
        const { x, y } = await contract.getRootKey();
        if (!(await verifierDeployment({ x, y })).address.equals(verifier)) {
            throw new StartError(
                `The verifier ${name} shows a root key that its address does not prove. Use another network.endpoint: ` +
                    'this one does not tell the truth.',
            );
        }
        const opened = new NetworkVerifier(chain, verifier, { x, y });
        if (opened.root === 'test' && !allowTestRoot) {
            throw new StartError(
                `${TestRootWarning} Expected the verifier of Intel's root, ` +
                    `${(await verifierDeployment()).address.toString()}. On a development network set ` +
                    'attestation.allowTestRoot.',
            );
        }
        return opened;
    }

    get root(): RootKind {
        return this.rootKey.x === IntelRootKey.x && this.rootKey.y === IntelRootKey.y ? 'production' : 'test';
    }

    /** @returns what it knows for machines of one model. @throws {ChainUnreachable}, {ChainError} */
    async parts(fmspc: string, ca: CaType): Promise<CollateralParts> {
        return collateralParts(unpackCollateral(await this.contract.getCollateral()), fmspc, ca);
    }

    /** @returns least values of its messages, nanoTON. */
    minimumValues(): Promise<AttestationVerifier.MinimumValues> {
        return this.contract.getMinimumValues();
    }

    private get contract() {
        return this.chain.open(AttestationVerifier.AttestationVerifier.fromAddress(this.address));
    }
}
