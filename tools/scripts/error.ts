/** Something that the person at the terminal can mend: shown without a stack trace, with exit status 1. */
export class ScriptError extends Error {
    constructor(message: string) {
        super(message);
        // Blueprint prints the stack of whatever a script throws.
        this.stack = `Error: ${message}`;
    }
}
