import { NetworkProvider } from '@ton/blueprint';
import { minimumValues, SessionEscrow, SessionStatus, unpackTerms } from '@ton-compute/contracts';
import { chainTime } from '../tools/scripts/network';
import { address } from '../tools/scripts/parsing';
import { Script } from '../tools/scripts/script';

const { SessionClosed } = SessionEscrow.SessionEscrow.opcodes;

/**
 * Does the next step to end a session: starts the close window (client), finishes when it has ended (anyone), or takes
 * everything back from a session that was never confirmed (client).
 */
export async function run(provider: NetworkProvider, args: string[]): Promise<void> {
    const script = await Script.start(provider, args, ['session']);
    const target = await script.inputs.read('session', 'Address of the session', address);
    await script.require(target, 'SessionEscrow');
    const session = provider.open(SessionEscrow.SessionEscrow.fromAddress(target));
    const { status, deadline, terms } = await session.getSessionData();
    const { client, closeWindow } = unpackTerms(terms);
    const minimum = minimumValues(await script.prices());
    const now = await chainTime(provider);
    const ended = now >= Number(deadline);

    let outcome: string;
    switch (Number(status)) {
        case SessionStatus.Open:
            script.requireWallet(client, 'the client');
            await send('start the close', minimum.startClose, { $$type: 'StartClose', queryId: 0n });
            outcome = 'closing';
            script.write(
                `The provider may claim for ${closeWindow} seconds more. Then run this again to get the rest back.`,
            );
            break;
        case SessionStatus.Closing:
            if (ended) {
                // The counters are best effort: a provider that is gone must not hold up the refund.
                await send('finish the close', minimum.finishClose, { $$type: 'FinishClose', queryId: 0n });
            } else {
                script.write(
                    `The close window ends at ${showTime(deadline)}, in ${Number(deadline) - now} seconds. ` +
                        'Nothing was sent.',
                );
            }
            outcome = ended ? 'closed' : 'closing';
            break;
        default:
            script.requireWallet(client, 'the client');
            if (ended) {
                await send('take the deposit back', minimum.reclaim, { $$type: 'Reclaim', queryId: 0n });
            } else {
                script.write(`The provider may answer until ${showTime(deadline)}. Nothing was sent.`);
            }
            outcome = ended ? 'closed' : 'opening';
    }
    script.address('session', 'SessionEscrow', target);
    script.line('status', outcome);
    script.value('status', outcome);
    script.finish();

    async function send(what: string, value: bigint, message: Parameters<typeof session.send>[2]): Promise<void> {
        await script.spend(what, target, value, () => session.send(provider.sender(), { value }, message), [
            SessionClosed,
        ]);
    }
}

function showTime(seconds: bigint): string {
    return new Date(Number(seconds) * 1000).toISOString();
}
