import { WireError } from '../wire-error';
import { PaidRequest } from './paid-route';

/** @throws {WireError} when the session is about another model. */
export function requireModel(paid: PaidRequest, model: string): void {
    if (model !== paid.model.id) {
        throw new WireError(
            'model_not_found',
            `This session is for the model '${paid.model.id}'. Ask for that one, or open a session for another.`,
            { param: 'model' },
        );
    }
}
