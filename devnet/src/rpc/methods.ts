import { accountMethods } from './accountMethods';
import { blockMethods } from './blockMethods';
import { devnetMethods } from './devnetMethods';
import { MethodTable } from './method';
import { sendMethods } from './sendMethods';

/** Every method of the API by its name. */
export const methods: MethodTable = { ...accountMethods, ...blockMethods, ...sendMethods, ...devnetMethods };

const readOnly = new Set([
    ...Object.keys(accountMethods),
    ...Object.keys(blockMethods),
    'estimateFee',
    'devnet_info',
]);

/** Whether a method changes nothing and may be called with GET. */
export function isReadOnly(method: string): boolean {
    return readOnly.has(method);
}
