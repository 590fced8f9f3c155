import { join } from 'node:path';

export const TinyModel = join(__dirname, '../../model/tiny-chat.gguf');
export const TinyModelHash = '5a8ca519668637c42e214431569564276dac22445122cf8825122f27b129ca37';
