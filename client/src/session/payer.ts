import { Address } from '@ton/core';
import { SignedVoucher } from '@ton-compute/contracts';
import { pause } from '../deadline';
import { ClientError, reasonOf } from '../errors';
import { Logger } from '../log';
import { Ledger } from './ledger';
import { WorkerApi } from './worker-api';

const Attempts = 4;
/** Seconds before the second attempt; doubles. A worker waits ten for a voucher. */
const FirstPause = 0.2;
/** Seconds that a voucher waits for a request that could carry it, when nothing runs. */
const IdlePause = 0.15;

/** Brings vouchers to the worker while answers stream. Many reasons to pay at once make one voucher. */
export class Payer {
    private running: Promise<void> | null = null;
    private again = false;
    /** Amount of the last exact voucher that the worker has, nanoTON. */
    private exact = 0n;

    constructor(
        private readonly escrow: Address,
        private readonly api: () => WorkerApi,
        private readonly ledger: Ledger,
        private readonly log: Logger,
    ) {}

    /** Something was used: what should be signed goes to the worker soon. Never throws. */
    schedule(): void {
        if (this.running !== null) {
            this.again = true;
            return;
        }
        this.running = this.run().finally(() => (this.running = null));
    }

    /** Waits until nothing is on its way. */
    async settle(): Promise<void> {
        while (this.running !== null) {
            await this.running;
        }
    }

    private async run(): Promise<void> {
        do {
            this.again = false;
            if (this.ledger.runningRequests === 0) {
                await pause(IdlePause);
            }
            try {
                if (this.ledger.target > this.ledger.delivered) {
                    await this.bring();
                }
                await this.bringExact();
            } catch (error) {
                // The next request carries the voucher, and reports what is wrong with the session.
                this.log.warn(
                    { session: this.escrow.toString() },
                    `A voucher did not reach the worker: ${reasonOf(error)}`,
                );
                return;
            }
        } while (this.again);
    }

    /** When nothing runs, tells the worker what exactly is owed: what was signed ahead in vain is not claimed then. */
    async bringExact(): Promise<void> {
        const voucher = this.ledger.exactVoucher();
        if (voucher !== null && voucher.cumulative !== this.exact) {
            await this.deliver(voucher);
            this.exact = voucher.cumulative;
        }
    }

    private async bring(): Promise<void> {
        const voucher = await this.ledger.raiseToTarget();
        if (voucher !== null) {
            await this.deliver(voucher);
        }
    }

    private async deliver(voucher: SignedVoucher): Promise<void> {
        for (let attempt = 1; ; attempt += 1) {
            try {
                await this.api().voucher(this.escrow, voucher, this.ledger.stopSignal);
                this.ledger.noteDelivered(voucher.cumulative);
                return;
            } catch (error) {
                const passing = error instanceof ClientError && error.code === 'worker_unreachable';
                if (!passing || attempt === Attempts) {
                    throw error;
                }
                await pause(FirstPause * 2 ** (attempt - 1), this.ledger.stopSignal);
            }
        }
    }
}
