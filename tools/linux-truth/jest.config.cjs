module.exports = { displayName: 'linux-truth', preset: '../../jest.preset.js', coverageDirectory: 'coverage' };
