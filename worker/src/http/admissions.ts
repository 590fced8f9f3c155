import { Engine } from '../engine/engine';
import { WireError } from '../wire-error';
import { Admission } from './admission';

/** An `Admission` for each model: one that is overloaded does not turn away who asks for another. */
export class Admissions {
    private readonly byModel: ReadonlyMap<string, Admission>;

    /** @param maxQueue requests that may wait for a slot, for each model. */
    constructor(engine: Engine, maxQueue: number) {
        this.byModel = new Map(
            engine.models.map(({ id }) => [id, new Admission(() => engine.slotsOf(id), maxQueue)] as const),
        );
    }

    /** @param model id from `Engine.models`. */
    of(model: string): Admission {
        const admission = this.byModel.get(model);
        if (admission === undefined) {
            throw new WireError('model_not_found', `The model '${model}' is not served here.`, { param: 'model' });
        }
        return admission;
    }

    /** Requests that run or wait, for all models together. */
    get size(): number {
        return this.all.reduce((sum, { size }) => sum + size, 0);
    }

    get draining(): boolean {
        return this.all.some(({ draining }) => draining);
    }

    /** Before it is known which model is asked for. @throws {WireError} when no model takes anything now. */
    check(): void {
        let refusal: unknown;
        for (const admission of this.all) {
            try {
                return admission.check();
            } catch (error) {
                refusal = error;
            }
        }
        throw refusal;
    }

    /** Lets nobody in any more. */
    close(): void {
        this.all.forEach((admission) => admission.close());
    }

    /** Resolves when the last request has left. */
    async whenEmpty(): Promise<void> {
        await Promise.all(this.all.map((admission) => admission.whenEmpty()));
    }

    private get all(): Admission[] {
        return [...this.byModel.values()];
    }
}
