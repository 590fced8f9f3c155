import { CellBytes, Token } from '../cells';
import { AttestationError } from '../errors';

/**
 * Cuts Intel's TCB info (version 3, TDX) where the contract reads it: docs/attestation-cells.md. The contract knows the
 * order of the fields, so the text has to be exactly as Intel writes it.
 * @throws AttestationError that names the position at which the text has another form.
 */
export function tcbInfoTokens(text: string): Token[] {
    const scanner = new Scanner(text, 'TCB info');
    scanner.literal('{"id":"TDX","version":3,"issueDate":"');
    scanner.date();
    scanner.literal('","nextUpdate":"');
    scanner.date();
    scanner.literal('","fmspc":"');
    scanner.hex(12);
    scanner.literal('","pceId":"');
    scanner.hex(4);
    scanner.literal('","tcbType":0,"tcbEvaluationDataNumber":');
    scanner.number(',"tdxModule":{');
    moduleIdentity(scanner);
    scanner.literal('},');
    if (scanner.optional('"tdxModuleIdentities":[')) {
        do {
            scanner.literal('{"id":"TDX_');
            scanner.hex(2);
            scanner.literal('",');
            moduleIdentity(scanner);
            scanner.literal(',"tcbLevels":[');
            isvLevels(scanner);
            scanner.literal('}');
        } while (scanner.another());
        scanner.literal(',');
    }
    scanner.literal('"tcbLevels":[');
    do {
        scanner.literal('{"tcb":{"sgxtcbcomponents":[');
        components(scanner);
        scanner.literal(',"pcesvn":');
        scanner.number(',"tdxtcbcomponents":[');
        components(scanner);
        scanner.literal('},"tcbDate":"');
        levelEnd(scanner);
    } while (scanner.another());
    scanner.literal('}');
    return scanner.finish();
}

/**
 * Cuts Intel's identity of the TD quoting enclave (version 2) where the contract reads it.
 * @throws AttestationError that names the position at which the text has another form.
 */
export function qeIdentityTokens(text: string): Token[] {
    const scanner = new Scanner(text, 'QE identity');
    scanner.literal('{"id":"TD_QE","version":2,"issueDate":"');
    scanner.date();
    scanner.literal('","nextUpdate":"');
    scanner.date();
    scanner.literal('","tcbEvaluationDataNumber":');
    scanner.number(',"miscselect":"');
    scanner.hex(8);
    scanner.literal('","miscselectMask":"');
    scanner.hex(8);
    scanner.literal('","attributes":"');
    scanner.hex(32);
    scanner.literal('","attributesMask":"');
    scanner.hex(32);
    scanner.literal('","mrsigner":"');
    scanner.hex(64);
    scanner.literal('","isvprodid":');
    scanner.number(',"tcbLevels":[');
    isvLevels(scanner);
    scanner.literal('}');
    return scanner.finish();
}

function moduleIdentity(scanner: Scanner): void {
    scanner.literal('"mrsigner":"');
    scanner.hex(96);
    scanner.literal('","attributes":"');
    scanner.hex(16);
    scanner.literal('","attributesMask":"');
    scanner.hex(16);
    scanner.literal('"');
}

/** Levels of a TDX module or of the quoting enclave, up to the closing bracket. */
function isvLevels(scanner: Scanner): void {
    do {
        scanner.literal('{"tcb":{"isvsvn":');
        scanner.number('},"tcbDate":"');
        levelEnd(scanner);
    } while (scanner.another());
}

function levelEnd(scanner: Scanner): void {
    scanner.date();
    scanner.literal('","tcbStatus":"');
    scanner.status();
    if (scanner.optional(',"advisoryIDs":[')) {
        do {
            scanner.string();
        } while (scanner.another());
    }
    scanner.literal('}');
}

function components(scanner: Scanner): void {
    for (let index = 0; index < 16; index += 1) {
        scanner.component(index === 15 ? ']' : ',');
    }
}

/** Takes token after token from a text. */
class Scanner {
    private readonly tokens: Token[] = [];
    private position = 0;
    private newCell = false;

    constructor(
        private readonly text: string,
        private readonly what: string,
    ) {}

    literal(expected: string): void {
        this.require(this.text.startsWith(expected, this.position), expected);
        this.push(expected);
    }

    optional(expected: string): boolean {
        const found = this.text.startsWith(expected, this.position);
        if (found) {
            this.push(expected);
        }
        return found;
    }

    date(): void {
        this.pattern(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/y, 'a date like 2026-02-18T10:58:51Z');
    }

    /** A token holds at most 32 digits: a contract reads them in one step. */
    hex(digits: number): void {
        for (let left = digits; left > 0; left -= 32) {
            const length = Math.min(left, 32);
            this.pattern(new RegExp(`[0-9A-Fa-f]{${length}}`, 'y'), `${length} hexadecimal digits`);
        }
    }

    /** A number ends where the text after it begins, so both are one token. */
    number(after: string): void {
        const match = this.match(/\d+/y, 'a number');
        const token = match + after;
        this.require(this.text.startsWith(token, this.position), `${match}${after}`);
        this.push(token);
    }

    status(): void {
        this.pattern(/[A-Za-z]+"/y, 'a TCB status');
    }

    /** A component that says more than its number ends its cell: a contract skips the rest of the cell. */
    component(separator: string): void {
        const end = separator === ']' ? /\{"svn":\d+[^{}]*\}\]/y : /\{"svn":\d+[^{}]*\},/y;
        this.newCell = /,"/.test(this.pattern(end, `{"svn":...}${separator}`));
    }

    string(): void {
        this.pattern(/"[^"]*"/y, 'a string');
    }

    /** @returns whether the list goes on. */
    another(): boolean {
        return this.pattern(/[,\]]/y, 'a comma or the end of a list') === ',';
    }

    finish(): Token[] {
        this.require(this.position === this.text.length, 'the end of the text');
        return this.tokens;
    }

    private pattern(expression: RegExp, expected: string): string {
        const match = this.match(expression, expected);
        this.push(match);
        return match;
    }

    private match(expression: RegExp, expected: string): string {
        expression.lastIndex = this.position;
        const match = expression.exec(this.text)?.[0];
        this.require(match !== undefined, expected);
        return match as string;
    }

    private push(text: string): void {
        this.require(text.length <= CellBytes, `at most ${CellBytes} characters that belong together`);
        this.tokens.push({ bytes: Buffer.from(text, 'utf8'), newCell: this.newCell });
        this.newCell = false;
        this.position += text.length;
    }

    private require(condition: boolean, expected: string): void {
        if (!condition) {
            const found = JSON.stringify(this.text.slice(this.position, this.position + 40));
            throw new AttestationError(
                'unreadable_form',
                `${this.what}, character ${this.position}: expected ${expected}, found ${found}. The contract reads ` +
                    'only the form of docs/attestation-cells.md; check that the text is the original of Intel.',
            );
        }
    }
}
