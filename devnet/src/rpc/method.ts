import { Chain } from '../chain';
import { Control } from '../control';
import { Params } from './params';

/** What the methods of the API work on. */
export interface MethodContext {
    readonly chain: Chain;
    /** What only a local network can do. */
    readonly control: Control;
}

/**
 * Answers one request.
 *
 * @returns the `result` of the reply
 * @throws RpcError when the request is wrong; ExternalMessageRefused when a contract refuses a message
 */
export type Method = (params: Params, context: MethodContext) => Promise<unknown> | unknown;

/** Methods by their name. */
export type MethodTable = Readonly<Record<string, Method>>;
