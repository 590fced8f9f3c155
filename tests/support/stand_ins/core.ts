import type * as Core from '@ton/core';
import { fastBits } from './bits';
import { fastBoc } from './boc';

// Stands in for @ton/core in all tests: the library itself, whose slowest functions are exchanged for ones with the same
// results. A test parses and writes the code of a contract with every message; that was half of the suite's time.

const core = require('../../../node_modules/@ton/core/dist/index.js') as typeof Core;
fastBits(core);
fastBoc(core);
export = core;
