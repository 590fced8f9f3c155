import { beginCell, Cell, Dictionary, loadOutList } from '@ton/core';

/** Modes of SETLIBCODE and CHANGELIB; 16 more only asks for a bounce on failure. */
const REMOVE = 0;
const PUBLISH = 2;
const BOUNCE_ON_FAILURE = 16;

/**
 * Public libraries after the actions of a masterchain transaction.
 *
 * @param libraries dictionary of hash and library, undefined when there is none
 * @param actions the action list of the transaction
 */
export function applyLibraryActions(libraries: Cell | undefined, actions: Cell): Cell | undefined {
    const dictionary = libraries
        ? Dictionary.loadDirect(Dictionary.Keys.Buffer(32), Dictionary.Values.Cell(), libraries)
        : Dictionary.empty(Dictionary.Keys.Buffer(32), Dictionary.Values.Cell());
    for (const action of loadOutList(actions.beginParse())) {
        if (action.type !== 'changeLibrary') {
            continue;
        }
        const mode = action.mode & ~BOUNCE_ON_FAILURE;
        const { libRef } = action;
        if (mode === PUBLISH && libRef.type === 'ref') {
            dictionary.set(libRef.library.hash(), libRef.library);
        } else if (mode === REMOVE) {
            dictionary.delete(libRef.type === 'ref' ? libRef.library.hash() : libRef.libHash);
        }
    }
    return dictionary.size > 0 ? beginCell().storeDictDirect(dictionary).endCell() : undefined;
}

/** A public library by its hash, or undefined. */
export function findLibrary(libraries: Cell | undefined, hash: Buffer): Cell | undefined {
    return libraries
        ? Dictionary.loadDirect(Dictionary.Keys.Buffer(32), Dictionary.Values.Cell(), libraries).get(hash)
        : undefined;
}
