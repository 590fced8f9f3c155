import type { Token } from '../../src/engine/llama-module';
import { samplingOptions } from '../../src/engine/sampling';

describe('Sampling parameters', () => {
    const tokens = (...ids: number[]) => ids as Token[];

    it('have the defaults of the OpenAI API when they are left out, and not those of llama.cpp', () => {
        expect(samplingOptions({}, [])).toMatchObject({ temperature: 1, topP: 1, topK: null, minP: 0 });
        expect(samplingOptions({ topK: 0 }, []).topK).toBeNull();
        expect(samplingOptions({ topK: 5 }, []).topK).toBe(5);
    });

    it('draw another seed for each request that names none', () => {
        const seeds = Array.from({ length: 20 }, () => samplingOptions({}, []).seed);
        expect(new Set(seeds).size).toBeGreaterThan(15);
    });

    it.each([
        [0, 0],
        [42, 42],
        // llama.cpp would take this one as "choose a seed yourself".
        [2 ** 32 - 1, 0],
        [2 ** 40, 2 ** 40 % (2 ** 32 - 1)],
        [-1, 2 ** 32 - 2],
    ])('map the seed %i to %i, which llama.cpp uses as it is', (seed, used) => {
        expect(samplingOptions({ seed }, []).seed).toBe(used);
    });

    it('apply penalties to the answer only, and read it again for each token', () => {
        const generated = tokens(1, 2);
        const { repeatPenalty } = samplingOptions({ frequencyPenalty: 0.5 }, generated);
        const punished = repeatPenalty!.punishTokens as () => Token[];
        expect(repeatPenalty).toMatchObject({ penalty: 1, frequencyPenalty: 0.5, presencePenalty: 0 });
        expect(punished()).toEqual([1, 2]);
        generated.push(...tokens(3));
        expect(punished()).toEqual([1, 2, 3]);
    });

    it('leave the penalties out when there are none', () => {
        expect(samplingOptions({ presencePenalty: 0 }, [])).not.toHaveProperty('repeatPenalty');
    });
});
