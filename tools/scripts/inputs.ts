import { UIProvider } from '@ton/blueprint';
import { ScriptError } from './error';
import { Parse } from './parsing';

/**
 * What a script wants to know. Each input can be given as an argument (`deposit=1.5`) or as an environment variable
 * (`DEPOSIT=1.5`). What is not given is asked for at a terminal; without one the default is taken, or the script ends.
 */
export class Inputs {
    private readonly given: ReadonlyMap<string, string>;

    /**
     * @param names every input of the script, in camel case.
     * @throws ScriptError for an argument that is not one of them.
     */
    constructor(
        private readonly ui: UIProvider,
        args: readonly string[],
        private readonly names: readonly string[],
    ) {
        const given = new Map<string, string>();
        for (const name of names) {
            const value = process.env[variable(name)]?.trim();
            if (value) {
                given.set(name, value);
            }
        }
        for (const argument of args) {
            const [, name, value] = /^(\w+)=(.*)$/s.exec(argument) ?? [];
            if (name === undefined || !names.includes(name)) {
                throw new ScriptError(
                    `Argument "${argument}" is not known: expected ${names.map((known) => `${known}=...`).join(', ')}.`,
                );
            }
            given.set(name, value.trim());
        }
        this.given = given;
    }

    /** Whether a person can be asked. */
    get interactive(): boolean {
        return process.stdin.isTTY === true;
    }

    /**
     * @param question what the input is, with its unit.
     * @param fallback taken when nothing is given; offered as the default at a terminal.
     * @throws ScriptError when it is not given and there is no default, or when it is wrong.
     */
    async read<T>(name: string, question: string, parse: Parse<T>, fallback?: string): Promise<T> {
        const given = this.given.get(name);
        if (given !== undefined) {
            return this.parsed(name, given, parse);
        }
        if (this.interactive) {
            return this.ask(question, parse, fallback);
        }
        if (fallback === undefined) {
            throw new ScriptError(
                `${question}: not given. Set the environment variable ${variable(name)}, or append ${name}=... to ` +
                    'the command.',
            );
        }
        return this.parsed(name, fallback, parse);
    }

    /** @returns the input if it was given; nobody is asked for it. */
    optional<T>(name: string, parse: Parse<T>): T | undefined {
        const given = this.given.get(name);
        return given === undefined ? undefined : this.parsed(name, given, parse);
    }

    /** Lets a person choose. @param fallback the choice when nobody can be asked. */
    async choose<T>(
        name: string,
        question: string,
        choices: readonly T[],
        show: (choice: T) => string,
        fallback?: T,
    ): Promise<T> {
        const given = this.given.get(name);
        const chosen = given === undefined ? fallback : choices.find((choice) => show(choice) === given);
        if (chosen !== undefined && (given !== undefined || !this.interactive)) {
            return chosen;
        }
        if (given === undefined && this.interactive) {
            return this.ui.choose(question, [...choices], show);
        }
        const what = given === undefined ? 'not given' : `${variable(name)} is "${given}"`;
        throw new ScriptError(
            `${question}: ${what}. Expected one of: ${choices.map(show).join(', ') || 'none, there are none'}.`,
        );
    }

    private parsed<T>(name: string, text: string, parse: Parse<T>): T {
        try {
            return parse(text);
        } catch (error) {
            throw new ScriptError(`${variable(name)} is "${text}": ${messageOf(error)}.`);
        }
    }

    private async ask<T>(question: string, parse: Parse<T>, fallback?: string): Promise<T> {
        for (;;) {
            const answer = (
                await this.ui.input(fallback === undefined ? question : `${question} (default: ${fallback})`)
            ).trim();
            try {
                return parse(answer === '' && fallback !== undefined ? fallback : answer);
            } catch (error) {
                this.ui.write(`"${answer}": ${messageOf(error)}.`);
            }
        }
    }
}

/** `feeBasisPoints` -> `FEE_BASIS_POINTS`. */
function variable(name: string): string {
    return name.replace(/[A-Z]/g, (letter) => '_' + letter).toUpperCase();
}

function messageOf(error: unknown): string {
    return error instanceof Error ? error.message : String(error);
}
