// Writes worker/worker.schema.json from the schema that the loader checks with: node worker/scripts/write-schema.js
const { writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { configSchemaText } = require('../dist/config/json-schema.js');

writeFileSync(join(__dirname, '..', 'worker.schema.json'), configSchemaText());
