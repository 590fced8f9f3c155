import { NetworkProvider } from '@ton/blueprint';
import { Address, beginCell, Cell } from '@ton/core';
import {
    AttestationError,
    caTypeOfCollateral,
    Collateral,
    collateralExpiry,
    CollateralKind,
    collateralMessages,
    datesOf,
    isNewer,
    leastValueOf,
    NamedMessage,
    readCollateralFile,
} from '@ton-compute/attestation';
import {
    collateralParts,
    CollateralParts,
    CrlBuilder,
    crlBuilderDeployment,
    P256Key,
    unpackCollateral,
} from '@ton-compute/contracts';
import { createHash } from 'node:crypto';
import { ScriptError } from '../tools/scripts/error';
import { address, text } from '../tools/scripts/parsing';
import { Script } from '../tools/scripts/script';
import { describeRoot, isProduction, openVerifier, Verifier } from '../tools/scripts/verifier';

/** More steps than any revocation list of the world needs. */
const MaxSteps = 100;

/** Teaches a verifier collateral from a file: what is newer than what it knows, in the order in which it needs it. */
export async function run(provider: NetworkProvider, args: string[]): Promise<void> {
    const script = await Script.start(provider, args, ['verifier', 'collateral']);
    const target = await script.inputs.read('verifier', 'Address of the verifier', address);
    const { verifier, root } = await openVerifier(script, target);
    const file = await script.inputs.read('collateral', 'Path of a collateral file, JSON', text);
    const collateral = readable(() => readCollateralFile(file));
    script.address('verifier', 'AttestationVerifier', target);
    script.line('root', describeRoot(root));
    await new Lesson(script, verifier, collateral, root).teach();
    const expiry = collateralExpiry(collateral);
    script.line('collateral', `of processor model ${collateral.tcbInfo.fmspc}, all of it holds until ${date(expiry)}`);
    script.value('fmspc', collateral.tcbInfo.fmspc);
    script.value('expiry', expiry.toString());
    script.value('root', isProduction(root) ? 'production' : 'test');
    script.finish();
}

class Lesson {
    constructor(
        private readonly script: Script,
        private readonly verifier: Verifier,
        private readonly collateral: Collateral,
        private readonly root: P256Key,
    ) {}

    async teach(): Promise<void> {
        const messages = readable(() => collateralMessages(this.collateral, this.root));
        const offered = datesOf(this.collateral);
        const sent: string[] = [];
        for (const message of messages) {
            const kind = message.kind as CollateralKind;
            if (!isNewer(offered[kind], (await this.known())[kind])) {
                this.script.line(kind, `${message.name}: the verifier knows it, or a newer one`);
                continue;
            }
            await this.send(message);
            if (isNewer(offered[kind], (await this.known())[kind])) {
                throw new ScriptError(
                    `The verifier has not stored the ${message.name}, although it was sent: a newer one came first, or ` +
                        'it is in a form that it does not take. Fetch the collateral again and repeat the command.',
                );
            }
            sent.push(kind);
        }
        this.script.value('sent', sent.join(','));
    }

    /** What the verifier knows for these machines. */
    private async known(): Promise<CollateralParts> {
        const known = unpackCollateral(await this.verifier.getCollateral());
        return collateralParts(known, this.collateral.tcbInfo.fmspc, caTypeOfCollateral(this.collateral));
    }

    private async send({ kind, name, body }: NamedMessage): Promise<void> {
        const values = await this.verifier.getMinimumValues();
        const value = leastValueOf(values, kind);
        await this.deliver(`add the ${name}`, this.verifier.address, value, body);
        if (kind === 'root-crl' || kind === 'pck-crl') {
            await this.complete(name, kind === 'root-crl' ? this.collateral.rootCrl : this.collateral.pckCrl);
        }
    }

    /** A long revocation list is read in several steps, each of which is paid for. */
    private async complete(name: string, list: { signed: Buffer }): Promise<void> {
        const hash = createHash('sha256').update(list.signed).digest();
        const { address: builder } = await crlBuilderDeployment(this.verifier.address, hash);
        const contract = this.script.provider.open(CrlBuilder.CrlBuilder.fromAddress(builder));
        const body = beginCell()
            .store(CrlBuilder.storeContinueCrl({ $$type: 'ContinueCrl', queryId: 0n }))
            .endCell();
        for (let step = 0; step < MaxSteps; step++) {
            // A builder that is complete has no such list any more.
            const remaining = await contract.getRemaining().catch(() => 0n);
            if (remaining === 0n) {
                return;
            }
            const what = `read on in the ${name}, ${remaining} bytes remain`;
            await this.deliver(what, builder, await contract.getStepValue(), body);
        }
    }

    private async deliver(what: string, to: Address, value: bigint, body: Cell): Promise<void> {
        const { provider } = this.script;
        await this.script.spend(what, to, value, () => provider.sender().send({ to, value, body, bounce: true }));
    }
}

/** Errors of the file and of what is in it are for the person at the terminal. */
function readable<T>(read: () => T): T {
    try {
        return read();
    } catch (error) {
        if (error instanceof AttestationError || (error as { code?: unknown }).code === 'ENOENT') {
            throw new ScriptError(`COLLATERAL: ${(error as Error).message}`);
        }
        throw error;
    }
}

const date = (seconds: number): string => new Date(seconds * 1000).toISOString();
