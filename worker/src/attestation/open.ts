import { join } from 'node:path';

import { QuoteSource } from '@ton-compute/attestation';
import { WorkerConfig } from '../config/schema';
import { Logger } from '../logger';
import { Office } from '../office';
import { Attester, AttesterOptions } from './attester';
import { CollateralCaretaker } from './collateral';
import { GasWallet, loadGasKey } from './gas-wallet';
import { QuoteFile } from './quote-file';
import { GpuEvidence, quoteSource, readGpuEvidence } from './source';
import { NetworkVerifier, TestRootWarning } from './verifier';

/** Everything of a worker that deals with attestation. */
export type Attestation = { attester: Attester; evidence: GpuEvidence; verifier: NetworkVerifier; wallet: GasWallet };

const GasWalletFile = 'gas-wallet.json';
const QuoteName = 'attestation.json';
/** Looks at the record for each reading of a session. */
const RecordPolls = 6;

/** @returns the path of the key of the gas wallet. */
export function gasWalletPath(directory: string, configured: string | null): string {
    return configured ?? join(directory, GasWalletFile);
}

/**
 * Prepares the attestation of a worker of tier tdx; sends nothing yet.
 * @param source of quotes, if a program brings its own.
 * @throws {StartError} when the network, the machine or the configuration does not fit.
 */
export async function openAttestation(
    config: WorkerConfig,
    office: Office,
    logger: Logger,
    source: QuoteSource | undefined,
    onAttempt: AttesterOptions['onAttempt'],
): Promise<Attestation> {
    const { attestation, data, network, settlement } = config;
    const { chain, provider, globalId, keys } = office;
    const verifier = await NetworkVerifier.open(chain, provider, attestation.allowTestRoot);
    const evidence = await readGpuEvidence(attestation.gpuEvidence);
    const key = await loadGasKey(gasWalletPath(data.directory, attestation.gasWallet));
    const wallet = new GasWallet(key, { chain, resendAfter: settlement.resendSeconds });
    const attester = new Attester({
        chain,
        globalId,
        provider: provider.address,
        keys,
        verifier,
        wallet,
        source: source ?? (await quoteSource(config, verifier)),
        evidence,
        caretaker: new CollateralCaretaker({ chain, verifier, wallet, logger, url: attestation.collateral }),
        file: new QuoteFile(join(data.directory, QuoteName)),
        logger,
        renewBefore: attestation.renewBeforeSeconds,
        interval: RecordPolls * network.pollSeconds,
        firstPause: network.pollSeconds,
        onAttempt,
    });
    logger.info(
        { verifier: verifier.address.toString(), gasWallet: wallet.address.toString({ bounceable: false }) },
        'Quotes are paid for by the gas wallet: the owner funds it and names it as attester.',
    );
    if (verifier.root === 'test') {
        logger.warn(TestRootWarning);
    }
    return { attester, evidence, verifier, wallet };
}
