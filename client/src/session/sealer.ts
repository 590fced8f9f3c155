import { prepareSealing, RequestSeal, SealingContext } from '@ton-compute/protocol';

/** Seals the requests of a session; the slow part of the next one is done while nothing waits for it. */
export class Sealer {
    private spare: { key: Buffer; seal: Promise<RequestSeal> } | null = null;

    constructor(private readonly context: SealingContext) {}

    /** @param encryptionKey of the worker now. @returns what seals one request. @throws SealingError `bad_key`. */
    next(encryptionKey: Buffer): Promise<RequestSeal> {
        const { spare } = this;
        this.spare = null;
        return spare?.key.equals(encryptionKey) ? spare.seal : this.begin(encryptionKey);
    }

    /** Call it when there is time. */
    prepare(encryptionKey: Buffer): void {
        if (this.spare?.key.equals(encryptionKey)) {
            return;
        }
        const seal = this.begin(encryptionKey);
        // Whoever asks for it hears what is wrong with the key.
        seal.catch(() => undefined);
        this.spare = { key: encryptionKey, seal };
    }

    private begin(encryptionKey: Buffer): Promise<RequestSeal> {
        return prepareSealing({ encryptionKey, context: this.context });
    }
}
