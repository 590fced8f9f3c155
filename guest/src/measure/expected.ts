import { createHash } from 'node:crypto';
import { GuestError } from '../errors';
import { RegisterBytes } from './registers';

export const RegisterNames = ['mrtd', 'rtmr0', 'rtmr1', 'rtmr2', 'rtmr3'] as const;
export type RegisterName = (typeof RegisterNames)[number];

/**
 * Where a value comes from. `computed`: from the files alone. `replayed`: from the event log of a guest, so it says what
 * that guest was, not what it should be. `unknown`: the files do not tell.
 */
export type Origin = 'computed' | 'replayed' | 'unknown';

/** A register; the value has 48 bytes and is null exactly if unknown. */
export type Register = { value: Buffer | null; origin: Origin };
export type Registers = Readonly<Record<RegisterName, Register>>;

const Format = 'ton-compute guest measurement 1';

/**
 * @returns what the contracts call the measurement, 32 bytes: SHA-256 of MRTD and RTMR0 to RTMR3 (`quote.tact`); null
 * while a register is unknown.
 */
export function imageHash(registers: Registers): Buffer | null {
    const hash = createHash('sha256');
    for (const name of RegisterNames) {
        const { value } = registers[name];
        if (value === null) {
            return null;
        }
        hash.update(value);
    }
    return hash.digest();
}

/** @returns the text of a file with expected registers. */
export function writeExpected(registers: Registers): string {
    const entries = RegisterNames.map((name) => {
        const { value, origin } = registers[name];
        return [name, { value: value?.toString('hex') ?? null, origin }];
    });
    const image = imageHash(registers)?.toString('hex') ?? null;
    return `${JSON.stringify({ format: Format, image, registers: Object.fromEntries(entries) }, null, 4)}\n`;
}

/**
 * @param text of a file that guest:measure wrote.
 * @throws {GuestError} when it is none, or its image hash is not that of its registers.
 */
export function readExpected(text: string): Registers {
    let file: { format?: unknown; image?: unknown; registers?: Record<string, { value?: unknown; origin?: unknown }> };
    try {
        file = JSON.parse(text) as typeof file;
    } catch {
        throw notExpected('it is no JSON');
    }
    if (file?.format !== Format || typeof file.registers !== 'object' || file.registers === null) {
        throw notExpected(`its format is not "${Format}"`);
    }
    const read = (name: RegisterName): Register => {
        const { value, origin } = file.registers?.[name] ?? {};
        if (origin === 'unknown' && value === null) {
            return { value, origin };
        }
        if ((origin !== 'computed' && origin !== 'replayed') || typeof value !== 'string' || !isRegister(value)) {
            throw notExpected(`${name} is no register of ${RegisterBytes} bytes with its origin`);
        }
        return { value: Buffer.from(value, 'hex'), origin };
    };
    const registers = Object.fromEntries(RegisterNames.map((name) => [name, read(name)])) as Record<
        RegisterName,
        Register
    >;
    if (file.image !== (imageHash(registers)?.toString('hex') ?? null)) {
        throw notExpected('its image hash is not that of its registers: somebody has changed it by hand');
    }
    return registers;
}

function isRegister(text: string): boolean {
    return new RegExp(`^[0-9a-f]{${2 * RegisterBytes}}$`).test(text);
}

function notExpected(problem: string): GuestError {
    return new GuestError(
        `The file with the expected measurement cannot be used: ${problem}. Write it with: npm run -s guest:measure -- ... ` +
            '--output FILE',
    );
}
