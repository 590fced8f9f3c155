import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { caTypeOf, parseQuote, planRefresh, QuoteSource } from '@ton-compute/attestation';
import { WalletContractV4 } from '@ton/ton';

import { peekGasKey } from '../attestation/gas-wallet';
import { gasWalletPath } from '../attestation/open';
import { quoteSource, readGpuEvidence, requireMemory } from '../attestation/source';
import { NetworkVerifier, TestRootWarning } from '../attestation/verifier';
import { messageOf } from '../errors';
import { ownCommand } from '../own-command';
import { setAttesterCommand } from '../registration';
import { Examination, Facts, onNetwork } from './doctor';
import { Finding, ok, problem, skipped, warning } from './finding';
import { ton } from './text';

/** Where a TDX guest asks for its quotes. */
const QuoteInterface = '/sys/kernel/config/tsm/report';
/** nanoTON: the registration of a machine and a few quotes; below the second nothing can be sent. */
const ComfortableGas = 200_000_000n;
const LeastGas = 50_000_000n;
/** Seconds before the end of collateral at which somebody should renew it. */
const Soon = 7 * 86_400;
const ReportDataBytes = 64;

/** Everything that tier tdx needs beyond tier open. */
export async function* checkAttestation(examination: Examination): AsyncIterable<Finding> {
    const { facts, signal, sources } = examination;
    const { config, chain, provider } = facts;
    if (config === undefined) {
        yield skipped('attestation', 'without a configuration it is not known whether it is wanted');
        return;
    }
    if (config.provider.tier === 'open') {
        yield ok('attestation', 'not wanted: tier open promises no privacy, and needs none');
        return;
    }
    yield* checkMachine(facts);
    if (chain === undefined || provider === undefined) {
        yield skipped('verifier', 'the provider is not known');
        return;
    }
    yield* checkGasWallet(facts, sources.file);
    let verifier: NetworkVerifier;
    try {
        verifier = await NetworkVerifier.open(chain, provider, config.attestation.allowTestRoot);
    } catch (error) {
        signal.throwIfAborted();
        yield problem('verifier', messageOf(error), { expected: "the verifier of Intel's root" });
        return;
    }
    yield verifier.root === 'production'
        ? ok('verifier', `${verifier.address.toString()}, Intel SGX Root CA`)
        : warning('verifier', TestRootWarning, { expected: "Intel's root, unless this is a development network" });
    yield* checkQuote(examination, verifier);
    yield checkRecord(facts);
}

async function* checkMachine({ config }: Facts): AsyncIterable<Finding> {
    const { attestation, data } = config!;
    try {
        await readGpuEvidence(attestation.gpuEvidence);
    } catch (error) {
        yield problem('GPU evidence', messageOf(error), { expected: 'a readable file, or none' });
    }
    if (attestation.source === 'test') {
        return;
    }
    yield existsSync(QuoteInterface)
        ? ok('TDX guest', `${QuoteInterface} is there`)
        : problem('TDX guest', `${QuoteInterface} is missing`, {
              expected: 'an Intel TDX guest with Linux 6.7 or later and configfs mounted',
              next: "modprobe tdx_guest tsm; or set provider.tier to 'open'",
          });
    const folder = resolve(data.keys ?? data.directory);
    if (!existsSync(folder)) {
        yield skipped('keys in memory', `${folder} is not there yet`);
        return;
    }
    try {
        await requireMemory(folder);
        yield ok('keys in memory', folder);
    } catch (error) {
        yield problem('keys in memory', messageOf(error), { expected: 'a folder on a tmpfs', next: 'set data.keys' });
    }
}

async function* checkGasWallet(facts: Facts, file: string | undefined): AsyncIterable<Finding> {
    const { config, chain, provider } = facts;
    const path = gasWalletPath(config!.data.directory, config!.attestation.gasWallet);
    const key = await peekGasKey(path);
    if (key === null) {
        yield problem('gas wallet', `${path} is not there yet`, {
            expected: 'a funded wallet that pays for quotes',
            next: `make it: ${ownCommand('gas-wallet', file)}; send it 1 TON, and let the owner name it as attester`,
        });
        return;
    }
    const { address } = WalletContractV4.create({ workchain: 0, publicKey: key.publicKey });
    const name = address.toString({ bounceable: false });
    const { balance } = await chain!.account(address);
    const complaint = { expected: `at least ${ton(ComfortableGas)}`, next: `send 1 TON to ${name}` };
    const found = `${name} holds ${ton(balance)}`;
    yield balance >= ComfortableGas
        ? ok('gas wallet', found)
        : (balance < LeastGas ? problem : warning)('gas wallet', found, complaint);
    const { attester, owner } = provider!;
    yield attester?.equals(address) === true || owner.equals(address)
        ? ok('attester', 'the gas wallet may send quotes')
        : problem('attester', attester === null ? 'nobody' : `${attester.toString()}, another wallet`, {
              expected: `${name}, the gas wallet`,
              next: onNetwork(setAttesterCommand(provider!.address.toString(), name), facts),
          });
}

/** Has a quote made, which costs nothing, and looks whether the verifier knows what it takes to check it. */
async function* checkQuote({ facts, signal, quick }: Examination, verifier: NetworkVerifier): AsyncIterable<Finding> {
    if (quick) {
        yield skipped('quote', 'not tried, because of --quick');
        return;
    }
    let source: QuoteSource;
    let quote: Buffer;
    try {
        source = await quoteSource(facts.config!, verifier);
        quote = await source.quote(Buffer.alloc(ReportDataBytes), signal);
    } catch (error) {
        signal.throwIfAborted();
        yield problem('quote', messageOf(error), { expected: 'a quote of this machine' });
        return;
    }
    const [certificate] = parseQuote(quote).certificates;
    const fmspc = (certificate.sgx?.fmspc ?? Buffer.alloc(6)).toString('hex').toUpperCase();
    yield ok('quote', `the machine makes one; processor model ${fmspc}`);
    const known = await verifier.parts(fmspc, caTypeOf(certificate));
    const now = facts.chain!.now();
    const parts = (marginSeconds: number) => planRefresh(now, known, { marginSeconds }).due.map(({ kind }) => kind);
    const [missing, soon] = [parts(0), parts(Soon)];
    const add = onNetwork(`npx blueprint run addCollateral verifier=${verifier.address.toString()}`, facts);
    const next = `set attestation.collateral; or ${add}`;
    yield missing.length > 0
        ? problem('collateral', `the verifier has no valid ${missing.join(', ')}`, { expected: 'all six parts', next })
        : soon.length > 0
          ? warning('collateral', `${soon.join(', ')} of the verifier expire within a week`, { expected: 'longer', next })
          : ok('collateral', 'the verifier has all six parts, for more than a week');
}

function checkRecord({ provider, chain }: Facts): Finding {
    const { attestation } = provider!;
    const now = chain!.now();
    return attestation !== null && attestation.until > now
        ? ok('record', `attested until ${new Date(attestation.until * 1000).toISOString()}`)
        : ok('record', 'none that holds; the worker sees to it when it starts');
}
