import { SignedReceipt } from '@ton-compute/contracts';

import { SigningKey } from '../keys/ed25519';
import { Ledger } from '../ledger/ledger';
import { Session } from '../sessions/session';

/** Hashes of the plaintext bodies of a request that has ended, 32 bytes each. */
export type Exchange = { requestHash: Buffer; answerHash: Buffer };

/** Writes, signs and keeps receipts. */
export class ReceiptIssuer {
    constructor(
        private readonly key: SigningKey,
        private readonly ledger: Ledger,
        private readonly onIssued: () => void,
    ) {}

    /**
     * States what was used so far. When this returns the receipt is on the disk and may leave.
     * @param exchange given with the last receipt of a request.
     */
    async issue(session: Session, exchange: Exchange | null = null): Promise<SignedReceipt> {
        const receipt = session.issueReceipt(this.key, exchange);
        await this.ledger.write(this.ledger.sessions.putReceipt(session.id, receipt));
        session.publish(receipt);
        this.onIssued();
        return receipt;
    }
}
